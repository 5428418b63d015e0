//! Operands that name globs, file names, hosts, networks and ports.

use ipnet::IpNet;

use super::Reader;
use super::problems::shortened;
use crate::number::Number;
use crate::policy::glob::compile_glob;
use crate::policy::host::{HostName, HostPattern};
use crate::policy::ip::parse_network;
use crate::policy::path_under;
use crate::policy::problem::Code;
use crate::policy::text::Pattern;
use crate::policy::text::folded_if;
use crate::policy::url::parse_scheme;
use crate::value::Value;

impl Reader {
    /// `true` or `false`.
    pub(super) fn truth(&mut self, operand: &Value, name: &str) -> Option<bool> {
        let Value::Bool(truth) = operand else {
            self.bad_operand(operand, "`true` or `false`", &format!("write `{name}: true` or `{name}: false`"));
            return None;
        };
        Some(*truth)
    }

    pub(super) fn globs(&mut self, operand: &Value, ignore_case: bool) -> Option<Box<[Pattern]>> {
        self.each_text(operand, |text| {
            compile_glob(text, ignore_case).map_err(|fault| Fault {
                code: Code::BadGlob,
                message: format!("`{}` is not a usable glob: {fault}", shortened(text)),
                hint: "`*` and `?` stay between slashes, `**` crosses them, `[a-z]`, `{a,b}`; `\\` before a character that stands for itself".to_owned(),
            })
        })
    }

    pub(super) fn file_names(&mut self, operand: &Value, ignore_case: bool) -> Option<Box<[Box<str>]>> {
        self.each_text(operand, |text| match path_under::normalise(text).as_deref() {
            Some([name]) if *name == text && is_comparable(name) => Ok(folded_if(ignore_case, text).into()),
            _ => Err(Fault::operand(
                text,
                "is not the name of a file",
                "write the last segment alone, such as `.env`; `glob` has patterns",
            )),
        })
    }

    pub(super) fn extensions(&mut self, operand: &Value, ignore_case: bool) -> Option<Box<[Box<str>]>> {
        self.each_text(operand, |text| match path_under::normalise(text).as_deref() {
            Some([name]) if *name == text && !text.starts_with('.') && is_comparable(name) => {
                Ok(format!(".{}", folded_if(ignore_case, text)).into())
            }
            _ => {
                let hint = format!("write it without the dot: `{}`", shortened(text.trim_start_matches(['*', '.'])));
                Err(Fault::operand(text, "is not an extension", &hint))
            }
        })
    }

    pub(super) fn schemes(&mut self, operand: &Value) -> Option<Box<[Box<str>]>> {
        self.each_text(operand, |text| {
            parse_scheme(text).ok_or_else(|| {
                Fault::operand(text, "is not a scheme", "write what stands before the colon, such as `https`")
            })
        })
    }

    pub(super) fn hosts(&mut self, operand: &Value) -> Option<Box<[HostPattern]>> {
        self.each_text(operand, |text| {
            HostPattern::parse(text).map_err(|hint| Fault::operand(text, "is not a host", hint))
        })
    }

    pub(super) fn domains(&mut self, operand: &Value) -> Option<Box<[HostPattern]>> {
        self.each_text(operand, |text| match HostPattern::parse(text) {
            Ok(HostPattern::Exact(HostName::Address(_))) => {
                Err(Fault::operand(text, "is an address", "write the domain, such as `example.com`"))
            }
            Ok(pattern) => Ok(pattern),
            Err(_) if text.contains('@') => {
                Err(Fault::operand(text, "is not a domain", "write what follows the `@` alone"))
            }
            Err(hint) => Err(Fault::operand(text, "is not a domain", hint)),
        })
    }

    pub(super) fn networks(&mut self, operand: &Value) -> Option<Box<[IpNet]>> {
        self.each_text(operand, |text| {
            parse_network(text).map_err(|(message, hint)| Fault::operand(text, &message, &hint))
        })
    }

    pub(super) fn ports(&mut self, operand: &Value) -> Option<Box<[u16]>> {
        let items: Vec<(Option<usize>, &Value)> = match operand {
            Value::List(items) => items.iter().enumerate().map(|(index, item)| (Some(index), item)).collect(),
            one => vec![(None, one)],
        };
        if items.is_empty() {
            self.problems.add(Code::Empty, "the list is empty", "write at least one port");
            return None;
        }
        let mut ports = Vec::new();
        for (place, item) in &items {
            let port = match item {
                Value::Number(Number::Int(number)) => u16::try_from(*number).ok(),
                _ => None,
            };
            self.at(*place, |reader| match port {
                Some(port) => ports.push(port),
                None => reader.bad_operand(item, "a port", "write a whole number from 0 to 65535"),
            });
        }
        (ports.len() == items.len()).then(|| ports.into())
    }

    /// One text or several, each read on its own.
    fn each_text<T>(&mut self, operand: &Value, read: impl Fn(&str) -> Result<T, Fault>) -> Option<Box<[T]>> {
        let texts = self.strings(operand)?;
        let mut made = Vec::new();
        for (place, text) in &texts {
            self.at(*place, |reader| match read(text) {
                Ok(one) => made.push(one),
                Err(fault) => reader.problems.add(fault.code, fault.message, fault.hint),
            });
        }
        (made.len() == texts.len()).then(|| made.into())
    }
}

/// False for what no file is called that `name` and `extension` know anything about, and for patterns.
fn is_comparable(name: &str) -> bool {
    !name.contains([':', '*']) && !name.ends_with(['.', ' '])
}

struct Fault {
    code: Code,
    message: String,
    hint: String,
}

impl Fault {
    fn operand(text: &str, is_not: &str, hint: &str) -> Self {
        Self { code: Code::BadOperand, message: format!("`{}` {is_not}", shortened(text)), hint: hint.to_owned() }
    }
}
