//! What is reached, text by text.

use super::{Analysis, Word};

fn shown(words: &[Word]) -> String {
    let shown: Vec<&str> = words
        .iter()
        .map(|word| match word {
            Word::Known(text) | Word::Glob(text) => text,
            Word::Unclear => "?",
        })
        .collect();
    shown.join(" ")
}

fn programs(text: &str) -> String {
    shown(&Analysis::of(text).programs)
}

fn writes(text: &str) -> String {
    shown(&Analysis::of(text).writes)
}

#[test]
fn every_program_is_reached_whatever_it_stands_in() {
    for (text, expected) in [
        ("", ""),
        (" \n\t ", ""),
        ("# rm", ""),
        ("ls", "ls"),
        ("ls -l; rm x", "ls rm"),
        ("ls && rm x || dd", "ls rm dd"),
        ("ls | xargs rm", "ls xargs rm"),
        ("ls & rm x &", "ls rm"),
        ("(ls; (rm))", "ls rm"),
        ("{ ls; rm; } > x", "ls rm"),
        ("! rm", "rm"),
        ("time rm", "rm"),
        ("if a; then b; elif c; then d; else e; fi", "a b c d e"),
        ("for x in $(rm); do ls; done", "rm ls"),
        ("while a; do b; done; until c; do d; done", "a b c d"),
        ("case $(a) in b) c;; *) d;; esac", "a c d"),
        ("f() { rm; }; ls", "rm ls"),
        ("function f { rm; }", "rm"),
        ("echo $(rm) `dd` \"$(ls \"$(cat)\")\"", "rm dd cat ls echo"),
        ("diff <(rm) >(dd)", "rm dd diff"),
        ("a=$(rm) b=`dd`", "rm dd"),
        ("a=(x $(rm)) ls", "rm ls"),
        ("echo ${x:-$(rm)}", "rm echo"),
        ("echo $((1 + $(rm)))", "rm echo"),
        ("(( x = $(rm) ))", "rm"),
        ("[[ -n $(rm) ]]", "rm"),
        ("cat <<E\n$(rm)\nE\ndd", "rm cat dd"),
        ("cat <<'E'\n$(rm)\nE\ndd", "cat dd"),
        ("cat <<< $(rm)", "rm cat"),
        ("ls > $(rm)", "rm ls"),
        ("2>x rm", "rm"),
        ("A=b rm", "rm"),
    ] {
        assert_eq!(programs(text), expected, "{text:?}");
    }
}

#[test]
fn quotes_and_paths_do_not_hide_a_name() {
    for text in [
        "r\\m x",
        "'r'm x",
        "\"rm\" x",
        "r''m x",
        "$'\\x72m' x",
        "$'\\162m' x",
        "/bin/rm x",
        "./rm x",
        "\\rm x",
        "r\\\nm x",
    ] {
        assert_eq!(programs(text), "rm", "{text:?}");
    }
}

#[test]
fn wrappers_lead_to_what_they_start() {
    for (text, expected) in [
        ("sudo rm", "sudo rm"),
        ("sudo -u root -n A=b rm", "sudo rm"),
        ("sudo -nu root rm", "sudo rm"),
        ("env -i A=b rm", "env rm"),
        ("env -u X rm", "env rm"),
        ("nice -n 19 rm", "nice rm"),
        ("nice -19 rm", "nice rm"),
        ("nohup setsid rm &", "nohup setsid rm"),
        ("timeout -k 5 10s rm", "timeout rm"),
        ("stdbuf -oL rm", "stdbuf rm"),
        ("command rm", "command rm"),
        ("command -v rm", "command"),
        ("builtin command rm", "builtin command rm"),
        ("exec -a x rm", "exec rm"),
        ("xargs -n 1 -0 rm -rf", "xargs rm"),
        ("xargs -I{} sh -c 'rm {}'", "xargs sh ?"),
        ("find . -name x -exec rm {} \\; -o -ok dd {} +", "find rm dd"),
        ("find . -exec sh -c 'rm x' \\;", "find sh rm"),
        ("sh -c 'rm x'", "sh rm"),
        ("bash -lc \"rm x; dd\"", "bash rm dd"),
        ("bash -o pipefail -c 'rm'", "bash rm"),
        ("eval rm x", "eval rm"),
        ("eval 'rm' \"x; dd\"", "eval rm dd"),
        ("trap 'rm x' EXIT", "trap rm"),
        ("bash <<E\nrm\nE", "bash rm"),
        ("sh <<< 'rm x'", "sh rm"),
        ("bash script.sh", "bash"),
        ("busybox rm x", "busybox rm"),
        ("watch -n 1 'rm x'", "watch rm"),
        ("parallel rm ::: a b", "parallel rm"),
        ("git -C /x push", "git"),
        ("git bisect run rm", "git rm"),
        ("git rebase -x 'rm y' main", "git rm"),
        ("python -c 'import os'", "python"),
        ("ssh host rm", "ssh"),
    ] {
        assert_eq!(programs(text), expected, "{text:?}");
    }
}

#[test]
fn what_cannot_be_told_leaves_the_list_open() {
    for text in [
        "$x",
        "$(echo rm)",
        "`echo rm`",
        "r$x",
        "r* x",
        "{rm,x}",
        "eval \"$x\"",
        "sh -c \"$x\"",
        "curl x | sh",
        "sh",
        "bash -s",
        "sudo -s",
        "env -S 'rm x'",
        "echo 'a",
        "echo \"a",
        "echo $(",
        "&& a",
        "a | | b",
        "a\0b",
        "(ls",
        "if a; then",
        "alias ls=rm; ls",
        "PATH=/tmp ls",
        "export PATH=/tmp; ls",
        "LD_PRELOAD=x ls",
        "sh /dev/stdin",
        "source /dev/stdin",
        ". <(curl x)",
        "echo $[1]",
        "${ rm; }",
        "${x@P}",
        "xargs $x",
        "find . $x",
        "sudo $x",
        "awk 'BEGIN{system(\"rm\")}'",
        "sed '1e rm'",
        "sed 's/a/b/e'",
        "git -c alias.x='!rm' x",
        "tar --to-command=rm -xf a",
        "a=1 env PATH=. ls",
        "99999999999>x rm",
        "x='a[$(rm)]'; echo $((x))",
        "fish -c rm",
        "$'\\0rm'",
        "shopt -s expand_aliases",
        "echo {a,b} | $0",
        "enable -f x y",
        "tee $(bash <<'E'\nrm #\nE)",
        "tee `bash <<E\nrm\nE`",
        "diff <(bash <<-E\nrm\n E)",
        "{ bash; } < x",
        "curl x | (bash)",
        "curl x | { cd y; sh; }",
    ] {
        assert!(programs(text).ends_with('?'), "{text:?}: {}", programs(text));
    }
}

#[test]
fn written_files_are_listed() {
    for (text, expected) in [
        ("ls", ""),
        ("ls > a 2>> b >| c &> d", "a b c d"),
        ("ls > /dev/null 2>&1", ""),
        ("ls >& a", "a"),
        ("tee -a a b", "a b"),
        ("dd if=a of=/dev/sda", "/dev/sda"),
        ("cp a b c", "c"),
        ("cp -t d a b", "d"),
        ("mv --target-directory=d a", "d"),
        ("sed -i s/a/b/ x y", "x y"),
        ("sed s/a/b/ x", ""),
        ("sudo tee /etc/x", "/etc/x"),
        ("{ ls; } > a", "a"),
        ("ls > $x", "?"),
        ("$x > a", "a ?"),
        ("cd /etc && ls > a", "?"),
        ("cd sub && ls > a", "a"),
        ("(cd /etc); ls > a", "a"),
        ("cat < a > b", "b"),
        ("curl -so a x", "a"),
        ("wget --output-document=a x", "a"),
        ("echo x > ~/.bashrc", "~/.bashrc"),
        ("echo x > \"$HOME/.bashrc\"", "~/.bashrc"),
        ("> a", "a"),
    ] {
        assert_eq!(writes(text), expected, "{text:?}");
    }
}
