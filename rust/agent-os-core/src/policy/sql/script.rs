//! Reading a text: its statements are parsed one by one and walked once.

use std::ops::ControlFlow;

use sqlparser::ast::{
    AlterTableOperation, CopySource, CopyTarget, CreateTable, Expr, FromTable, Ident, ObjectName, ObjectNamePart,
    ObjectType, OnConflictAction, OnInsert, OutputClause, Query, Select, SelectFlavor, SelectInto, SelectItem, SetExpr,
    SqliteOnConflict, Statement, TableAlias, TableFactor, TableObject, TableWithJoins, Visit, Visitor,
};
use sqlparser::keywords::{ALL_KEYWORDS, Keyword};
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, Tokenizer};

use super::condition::restricts;
use super::dialect::Dialect;
use super::kind::StatementKind as Kind;
use super::lexical;
use super::names;
use crate::limits;
use crate::policy::kleene::Kleene;

/// What is known of a text.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::policy) struct Script {
    /// The kinds of all statements, those inside others included.
    pub(super) statements: Vec<String>,
    /// `None` if a table may be touched that is not seen here.
    pub(super) tables: Option<Vec<String>>,
    pub(super) functions: Option<Vec<String>>,
    pub(super) has_where: Kleene,
}

impl Script {
    /// `None` for a text that is not understood, or that has no statement.
    pub(super) fn read(text: &str, dialect: Dialect) -> Option<Self> {
        if text.len() > limits::SQL_BYTES || !lexical::is_plain(text, dialect) {
            return None;
        }
        let grammar = dialect.grammar();
        let tokens = Tokenizer::new(grammar, text).tokenize().ok()?;
        let tokens: Vec<Token> = tokens.into_iter().filter(|token| !matches!(token, Token::Whitespace(_))).collect();
        if tokens.len() > limits::SQL_TOKENS || is_deep(&tokens) {
            return None;
        }
        let mut parser = Parser::new(grammar).with_recursion_limit(limits::SQL_DEPTH).with_tokens(tokens);
        let mut walk = Walk::new(dialect);
        let mut count = 0;
        loop {
            while parser.consume_token(&Token::SemiColon) {}
            if parser.peek_token_ref().token == Token::EOF {
                break;
            }
            count += 1;
            if count > limits::SQL_STATEMENTS {
                return None;
            }
            let statement = parser.parse_statement().ok()?;
            // SECURITY: only SQL Server runs a second statement that no semicolon separates from the first.
            let ends = matches!(parser.peek_token_ref().token, Token::SemiColon | Token::EOF);
            if !ends && dialect != Dialect::Mssql {
                return None;
            }
            if statement.visit(&mut walk).is_break() {
                return None;
            }
        }
        walk.finish()
    }
}

/// True if something is nested deeper than the parser, or a walk of what it makes, should follow. Each operator or
/// keyword of a run without a comma may nest what stands before it once more: `1 + 1 + 1` is a tree of two levels.
fn is_deep(tokens: &[Token]) -> bool {
    #[derive(Default)]
    struct Level {
        here: usize,
        most: usize,
    }
    let mut open = vec![Level::default()];
    let (mut cases, mut joined) = (0_usize, 0_usize);
    for token in tokens {
        let mut adds = 0;
        match token {
            Token::LParen => open.push(Level::default()),
            Token::RParen => {
                let closed = if open.len() > 1 { open.pop() } else { None };
                adds = closed.map_or(0, |level| level.here.max(level.most));
            }
            Token::Comma | Token::SemiColon => {
                if let Some(level) = open.last_mut() {
                    level.most = level.most.max(level.here);
                    level.here = 0;
                }
            }
            Token::Word(word) => {
                match word.keyword {
                    Keyword::CASE => cases += 1,
                    Keyword::END => cases = cases.saturating_sub(1),
                    Keyword::UNION | Keyword::EXCEPT | Keyword::INTERSECT | Keyword::MINUS => joined += 1,
                    _ => {}
                }
                adds = usize::from(word.keyword != Keyword::NoKeyword);
            }
            Token::Period | Token::Number(..) | Token::SingleQuotedString(_) => {}
            _ => adds = 1,
        }
        if let Some(level) = open.last_mut() {
            level.here += adds;
            if level.here > limits::SQL_CHAIN {
                return true;
            }
        }
        if open.len() + cases > limits::SQL_DEPTH || joined > limits::SQL_CHAIN {
            return true;
        }
    }
    false
}

/// Whether a name begins with a word that means something in some dialect.
fn begins_with_keyword(name: &ObjectName) -> bool {
    let first = name.0.first().and_then(ObjectNamePart::as_ident);
    first.is_none_or(|first| {
        first.quote_style.is_none() && ALL_KEYWORDS.binary_search(&&*first.value.to_ascii_uppercase()).is_ok()
    })
}

/// The names that one query gives to its parts.
struct Scope {
    recursive: bool,
    /// Each with the address of its query, which is never read from.
    parts: Vec<(Ident, *const Query)>,
    /// Parts before this one can be named here.
    visible: usize,
}

struct Walk {
    dialect: Dialect,
    kinds: Vec<Kind>,
    tables: Vec<String>,
    tables_known: bool,
    functions: Vec<String>,
    functions_known: bool,
    has_where: Kleene,
    scopes: Vec<Scope>,
    /// Statements that are walked through and not run: those under `EXPLAIN`.
    unexecuted: usize,
    /// The name of the table function that is walked through next, by address.
    function_name: *const ObjectName,
}

type Flow = ControlFlow<()>;
const ON: Flow = ControlFlow::Continue(());
const REFUSED: Flow = ControlFlow::Break(());

impl Walk {
    fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            kinds: Vec::new(),
            tables: Vec::new(),
            tables_known: true,
            functions: Vec::new(),
            functions_known: true,
            has_where: Kleene::True,
            scopes: Vec::new(),
            unexecuted: 0,
            function_name: std::ptr::null(),
        }
    }

    fn finish(self) -> Option<Script> {
        if self.kinds.is_empty() {
            return None;
        }
        Some(Script {
            statements: self.kinds.iter().map(|kind| kind.code().to_owned()).collect(),
            tables: self.tables_known.then_some(self.tables),
            functions: self.functions_known.then_some(self.functions),
            has_where: self.has_where,
        })
    }

    fn kind(&mut self, kind: Kind) {
        if !self.kinds.contains(&kind) {
            self.kinds.push(kind);
        }
    }

    /// A table that is named, whatever parts of queries have the same name.
    fn table(&mut self, name: &ObjectName) {
        match names::table(name, self.dialect) {
            Some(name) => names::add(&mut self.tables, name),
            None => self.tables_known = false,
        }
    }

    fn function(&mut self, name: &ObjectName) {
        if names::function(name, &mut self.functions).is_none() {
            self.functions_known = false;
        }
    }

    fn is_part_of_query(&self, name: &ObjectName) -> bool {
        let [ObjectNamePart::Identifier(name)] = &name.0[..] else { return false };
        self.scopes
            .iter()
            .any(|scope| scope.parts.iter().take(scope.visible).any(|(part, _)| names::are_same(part, name)))
    }

    /// SECURITY: a target is always a table, also where a part of the query has its name.
    fn target(&mut self, table: &TableWithJoins) {
        self.target_factor(&table.relation);
        for join in &table.joins {
            self.target_factor(&join.relation);
        }
    }

    fn target_factor(&mut self, factor: &TableFactor) {
        match factor {
            TableFactor::Table { name, .. } => self.table(name),
            TableFactor::NestedJoin { table_with_joins, .. } => self.target(table_with_joins),
            _ => {}
        }
    }

    fn into(&mut self, into: Option<&SelectInto>) {
        let Some(into) = into else { return };
        self.kind(Kind::CreateTable);
        for target in &into.targets {
            match target {
                Expr::Identifier(name) => self.table(&ObjectName::from(vec![name.clone()])),
                Expr::CompoundIdentifier(parts) => self.table(&ObjectName::from(parts.clone())),
                _ => self.tables_known = false,
            }
        }
    }

    fn output(&mut self, output: Option<&OutputClause>) {
        if let Some(OutputClause::Output { into_table, .. }) = output {
            if into_table.is_some() {
                self.kind(Kind::Insert);
            }
            if let Some(into) = into_table {
                for target in &into.targets {
                    match target {
                        Expr::Identifier(name) => self.table(&ObjectName::from(vec![name.clone()])),
                        Expr::CompoundIdentifier(parts) => self.table(&ObjectName::from(parts.clone())),
                        _ => self.tables_known = false,
                    }
                }
            }
        }
    }

    /// SECURITY: SQL Server ends a statement at a word that starts another: `SELECT 1 SHUTDOWN` shuts it down.
    fn alias(&mut self, alias: &Ident) -> Flow {
        let separates = matches!(self.dialect, Dialect::Generic | Dialect::Mssql);
        if separates
            && alias.quote_style.is_none()
            && STARTERS.iter().any(|word| alias.value.eq_ignore_ascii_case(word))
        {
            return REFUSED;
        }
        ON
    }

    fn table_alias(&mut self, alias: Option<&TableAlias>) -> Flow {
        match alias {
            Some(alias) => self.alias(&alias.name),
            None => ON,
        }
    }

    fn condition(&mut self, truth: Kleene) {
        self.has_where = self.has_where.and(truth);
    }

    fn create_table(&mut self, table: &CreateTable) {
        let copies = table.like.is_some() || table.clone.is_some() || table.inherits.is_some();
        self.tables_known &= !copies;
    }

    fn executed(&mut self, statement: &Statement) {
        let kind = Kind::of(statement);
        let is_wrapper = match statement {
            Statement::Query(query) => is_change(&query.body),
            _ => false,
        };
        if !is_wrapper {
            self.kind(kind);
        }
        match statement {
            Statement::Update(update) => self.condition(restricts(update.selection.as_ref(), self.dialect)),
            Statement::Delete(delete) => self.condition(restricts(delete.selection.as_ref(), self.dialect)),
            Statement::Truncate(_) => self.condition(Kleene::False),
            Statement::Insert(insert) => {
                let updates = match &insert.on {
                    Some(OnInsert::DuplicateKeyUpdate(_)) => true,
                    Some(OnInsert::OnConflict(conflict)) => matches!(conflict.action, OnConflictAction::DoUpdate(_)),
                    Some(_) => true,
                    None => false,
                };
                if updates {
                    self.kind(Kind::Update);
                }
                if insert.replace_into || insert.overwrite || insert.or == Some(SqliteOnConflict::Replace) {
                    self.kind(Kind::Delete);
                }
            }
            _ => match kind {
                Kind::Select | Kind::Explain | Kind::Show | Kind::Transaction => {}
                _ => self.condition(Kleene::Unknown),
            },
        }
    }

    /// Tables that the walk does not come by, or that a name in a query must not hide.
    fn touched(&mut self, statement: &Statement) {
        match statement {
            Statement::Query(_) | Statement::Prepare { .. } | Statement::Explain { .. } => {}
            Statement::Insert(insert) => {
                match &insert.table {
                    TableObject::TableName(name) => self.table(name),
                    TableObject::TableFunction(_) | TableObject::TableQuery(_) => self.tables_known = false,
                }
                self.output(insert.output.as_ref());
            }
            Statement::Update(update) => {
                self.target(&update.table);
                self.output(update.output.as_ref());
            }
            Statement::Delete(delete) => {
                let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
                delete.tables.iter().for_each(|name| self.table(name));
                from.iter().for_each(|table| self.target(table));
                self.output(delete.output.as_ref());
            }
            Statement::Merge(merge) => {
                self.target_factor(&merge.table);
                self.output(merge.output.as_ref());
            }
            Statement::Truncate(truncate) => truncate.table_names.iter().for_each(|target| self.table(&target.name)),
            Statement::CreateTable(table) => self.create_table(table),
            Statement::CreateView(_) | Statement::CreateIndex(_) => {}
            Statement::AlterTable(alter) => {
                let is_local = |operation: &AlterTableOperation| {
                    matches!(
                        operation,
                        AlterTableOperation::AddColumn { .. }
                            | AlterTableOperation::DropColumn { .. }
                            | AlterTableOperation::RenameColumn { .. }
                            | AlterTableOperation::AlterColumn { .. }
                    )
                };
                self.tables_known &= alter.operations.iter().all(is_local);
            }
            Statement::Drop { object_type, names, table, .. } => match object_type {
                ObjectType::Table | ObjectType::View | ObjectType::MaterializedView | ObjectType::ForeignTable => {
                    names.iter().for_each(|name| self.table(name));
                    table.iter().for_each(|name| self.table(name));
                }
                _ => self.tables_known = false,
            },
            Statement::Copy { source, .. } => match source {
                CopySource::Table { table_name, .. } => self.table(table_name),
                CopySource::Query(_) => {}
            },
            _ => match Kind::of(statement) {
                Kind::Transaction | Kind::Explain => {}
                Kind::Set if matches!(statement, Statement::Set(_)) => {}
                _ => self.tables_known = false,
            },
        }
    }
}

fn is_change(body: &SetExpr) -> bool {
    matches!(body, SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_))
}

impl Visitor for Walk {
    type Break = ();

    fn pre_visit_statement(&mut self, statement: &Statement) -> Flow {
        if self.unexecuted == 0 {
            self.executed(statement);
        }
        self.touched(statement);
        match statement {
            // SECURITY: the parser takes what follows for data, and a server that gets one text does not.
            Statement::Copy { target: CopyTarget::Stdin, .. } => return REFUSED,
            Statement::Explain { analyze, options, .. } => {
                // Options may ask for `ANALYZE` in other words.
                let executes = *analyze || options.is_some();
                if !executes || self.unexecuted > 0 {
                    self.unexecuted += 1;
                }
            }
            // SECURITY: SQL Server has no such statement, and needs no semicolon before what it takes for one.
            Statement::Analyze(_) if self.dialect == Dialect::Mssql => return REFUSED,
            // SECURITY: of the engines only MySQL describes a table so. SQL Server would run what follows the name, and a
            // keyword in its place is the beginning of a statement that was not understood.
            Statement::ExplainTable { table_name, .. }
                if !matches!(self.dialect, Dialect::Generic | Dialect::Mysql) || begins_with_keyword(table_name) =>
            {
                return REFUSED;
            }
            Statement::Execute { name, immediate, .. } => {
                name.iter().for_each(|name| self.function(name));
                self.functions_known &= !immediate;
            }
            Statement::CreateFunction(_) | Statement::CreateProcedure { .. } | Statement::CreateTrigger(_) => {
                self.functions_known = false;
            }
            Statement::Call(call) => self.function(&call.name),
            _ => {}
        }
        ON
    }

    fn post_visit_statement(&mut self, statement: &Statement) -> Flow {
        if let Statement::Explain { analyze, options, .. } = statement {
            let executes = *analyze || options.is_some();
            if !executes || self.unexecuted > 0 {
                self.unexecuted = self.unexecuted.saturating_sub(1);
            }
        }
        ON
    }

    fn pre_visit_query(&mut self, query: &Query) -> Flow {
        if let Some(scope) = self.scopes.last_mut() {
            if let Some(place) = scope.parts.iter().position(|(_, part)| std::ptr::eq(*part, query)) {
                // SECURITY: a part sees those before it, and itself if that is said. A name that it shares with a later
                // part is a table's.
                scope.visible = place + usize::from(scope.recursive);
            }
        }
        let scope = match &query.with {
            Some(with) => Scope {
                recursive: with.recursive,
                parts: with
                    .cte_tables
                    .iter()
                    .map(|part| (part.alias.name.clone(), std::ptr::from_ref(&*part.query)))
                    .collect(),
                visible: 0,
            },
            None => Scope { recursive: false, parts: Vec::new(), visible: 0 },
        };
        self.scopes.push(scope);
        self.named_tables(&query.body);
        ON
    }

    fn post_visit_query(&mut self, query: &Query) -> Flow {
        self.scopes.pop();
        if let Some(scope) = self.scopes.last_mut() {
            if let Some(place) = scope.parts.iter().position(|(_, part)| std::ptr::eq(*part, query)) {
                scope.visible = place + 1;
            }
        }
        ON
    }

    fn pre_visit_select(&mut self, select: &Select) -> Flow {
        // SECURITY: none of the engines has `FROM t SELECT …`; one that needs no semicolon sees two statements there.
        if select.flavor != SelectFlavor::Standard {
            return REFUSED;
        }
        if self.unexecuted == 0 {
            self.into(select.into.as_ref());
        }
        for item in &select.projection {
            if let SelectItem::ExprWithAlias { alias, .. } = item {
                self.alias(alias)?;
            }
        }
        ON
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> Flow {
        match factor {
            TableFactor::Table { name, alias, args, .. } => {
                if args.is_some() {
                    self.function(name);
                    // SQL Server reads `t (NOLOCK)` as a table with a hint.
                    if !matches!(self.dialect, Dialect::Generic | Dialect::Mssql) {
                        self.function_name = std::ptr::from_ref(name);
                    }
                }
                self.table_alias(alias.as_ref())
            }
            TableFactor::Function { name, alias, .. } => {
                self.function(name);
                self.table_alias(alias.as_ref())
            }
            TableFactor::Derived { alias, .. } | TableFactor::NestedJoin { alias, .. } => {
                self.table_alias(alias.as_ref())
            }
            TableFactor::UNNEST { alias, .. } => self.table_alias(alias.as_ref()),
            TableFactor::TableFunction { .. } | TableFactor::JsonTable { .. } | TableFactor::OpenJsonTable { .. } => ON,
            // Rare forms, whose names are not worked out.
            _ => {
                self.tables_known = false;
                self.functions_known = false;
                ON
            }
        }
    }

    fn pre_visit_relation(&mut self, name: &ObjectName) -> Flow {
        if !std::ptr::eq(self.function_name, name) && !self.is_part_of_query(name) {
            self.table(name);
        }
        ON
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> Flow {
        match expr {
            Expr::Function(function) => self.function(&function.name),
            // A value can be missing before such a word, in a text that another engine reads as two statements.
            Expr::Identifier(name) => return self.alias(name),
            _ => {}
        }
        ON
    }
}

impl Walk {
    /// `TABLE t`, which the walk does not come by. The query's own names do not stand in its way: they are reported too.
    fn named_tables(&mut self, body: &SetExpr) {
        match body {
            SetExpr::SetOperation { left, right, .. } => {
                self.named_tables(left);
                self.named_tables(right);
            }
            SetExpr::Table(table) => {
                let parts: Vec<Ident> = table.schema_name.iter().chain(&table.table_name).cloned().collect();
                self.table(&ObjectName::from(parts));
            }
            _ => {}
        }
    }
}

/// Words that start a statement in SQL Server.
const STARTERS: &[&str] = &[
    "alter",
    "backup",
    "begin",
    "break",
    "bulk",
    "checkpoint",
    "close",
    "commit",
    "continue",
    "create",
    "dbcc",
    "deallocate",
    "declare",
    "delete",
    "deny",
    "disable",
    "drop",
    "dump",
    "enable",
    "end",
    "exec",
    "execute",
    "fetch",
    "go",
    "goto",
    "grant",
    "if",
    "insert",
    "kill",
    "load",
    "merge",
    "move",
    "open",
    "print",
    "raiserror",
    "readtext",
    "receive",
    "reconfigure",
    "restore",
    "return",
    "revert",
    "revoke",
    "rollback",
    "save",
    "send",
    "set",
    "setuser",
    "shutdown",
    "throw",
    "truncate",
    "update",
    "updatetext",
    "use",
    "waitfor",
    "while",
    "writetext",
];
