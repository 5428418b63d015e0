//! The closed table of kinds of statements.

use sqlparser::ast::Statement;

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $variant:ident = $code:literal;)+) => {
        /// What a statement does. Policies name kinds by their code.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum StatementKind {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl StatementKind {
            /// Every kind, in the order of declaration.
            pub const ALL: &[StatementKind] = &[$(Self::$variant),+];

            /// The stable snake_case name.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }
        }
    };
}

kinds! {
    /// A query, `VALUES` included.
    Select = "select";
    /// Adds rows. An upsert is `update` too, and one that replaces rows is `delete` too.
    Insert = "insert";
    /// Changes rows.
    Update = "update";
    /// Removes rows.
    Delete = "delete";
    /// `MERGE`.
    Merge = "merge";
    /// Removes all rows.
    Truncate = "truncate";
    /// `CREATE TABLE`, and a query that makes one: `SELECT … INTO`.
    CreateTable = "create_table";
    /// `CREATE VIEW`.
    CreateView = "create_view";
    /// `CREATE INDEX`.
    CreateIndex = "create_index";
    /// Makes code that runs later: a function, procedure, trigger, rule, macro or extension.
    CreateCode = "create_code";
    /// Makes anything else.
    Create = "create";
    /// `ALTER …` and `RENAME …`.
    Alter = "alter";
    /// `DROP …`.
    Drop = "drop";
    /// `GRANT`.
    Grant = "grant";
    /// `REVOKE` and `DENY`.
    Revoke = "revoke";
    /// `COPY`.
    Copy = "copy";
    /// `SET`, `RESET`, `USE` and `PRAGMA`.
    Set = "set";
    /// `EXPLAIN` and `DESCRIBE`. With `ANALYZE` the statement runs and its own kind is there too.
    Explain = "explain";
    /// `SHOW …`.
    Show = "show";
    /// Begins, ends or marks a transaction.
    Transaction = "transaction";
    /// `CALL`, `EXEC`, and `EXECUTE` of what was prepared.
    Call = "call";
    /// `PREPARE`. The kind of what is prepared is there too.
    Prepare = "prepare";
    /// Opens or closes another database file.
    Attach = "attach";
    /// Takes or frees a lock.
    Lock = "lock";
    /// Everything else.
    Other = "other";
}

impl StatementKind {
    pub(super) fn of(statement: &Statement) -> Self {
        match statement {
            Statement::Query(_) => Self::Select,
            Statement::Insert(_) => Self::Insert,
            Statement::Update(_) => Self::Update,
            Statement::Delete(_) => Self::Delete,
            Statement::Merge(_) => Self::Merge,
            Statement::Truncate(_) => Self::Truncate,
            Statement::CreateTable(_) | Statement::CreateForeignTable(_) | Statement::CreateVirtualTable { .. } => {
                Self::CreateTable
            }
            Statement::CreateView(_) => Self::CreateView,
            Statement::CreateIndex(_) => Self::CreateIndex,
            Statement::CreateFunction(_)
            | Statement::CreateTrigger(_)
            | Statement::CreateProcedure { .. }
            | Statement::CreateMacro { .. }
            | Statement::CreateRule(_)
            | Statement::CreateAggregate(_)
            | Statement::CreateOperator(_)
            | Statement::CreateExtension(_) => Self::CreateCode,
            Statement::CreateRole(_)
            | Statement::CreateUser(_)
            | Statement::CreateServer(_)
            | Statement::CreateForeignDataWrapper(_)
            | Statement::CreateUserMapping(_)
            | Statement::CreatePolicy(_)
            | Statement::CreateOperatorFamily(_)
            | Statement::CreateOperatorClass(_)
            | Statement::CreateTextSearch(_)
            | Statement::CreateCollation(_)
            | Statement::CreateSchema { .. }
            | Statement::CreateDatabase { .. }
            | Statement::CreateSequence { .. }
            | Statement::CreateDomain(_)
            | Statement::CreateType { .. } => Self::Create,
            Statement::AlterTable(_)
            | Statement::AlterSchema(_)
            | Statement::AlterIndex { .. }
            | Statement::AlterView(_)
            | Statement::AlterFunction(_)
            | Statement::AlterType(_)
            | Statement::AlterCollation(_)
            | Statement::AlterOperator(_)
            | Statement::AlterOperatorFamily(_)
            | Statement::AlterOperatorClass(_)
            | Statement::AlterTextSearch(_)
            | Statement::AlterRole { .. }
            | Statement::AlterUser(_)
            | Statement::AlterPolicy(_)
            | Statement::AlterTrigger(_)
            | Statement::AlterDefaultPrivileges(_)
            | Statement::RenameTable(_) => Self::Alter,
            Statement::Drop { .. }
            | Statement::DropFunction(_)
            | Statement::DropDomain(_)
            | Statement::DropProcedure { .. }
            | Statement::DropPolicy(_)
            | Statement::DropRule(_)
            | Statement::DropTrigger(_)
            | Statement::DropExtension(_)
            | Statement::DropOperator(_)
            | Statement::DropOperatorFamily(_)
            | Statement::DropOperatorClass(_) => Self::Drop,
            Statement::Grant(_) | Statement::GrantRole(_) => Self::Grant,
            Statement::Revoke(_) | Statement::RevokeRole(_) | Statement::Deny(_) => Self::Revoke,
            Statement::Copy { .. } => Self::Copy,
            Statement::Set(_) | Statement::Reset(_) | Statement::Use(_) | Statement::Pragma { .. } => Self::Set,
            Statement::Explain { .. } | Statement::ExplainTable { .. } => Self::Explain,
            Statement::ShowFunctions { .. }
            | Statement::ShowVariable { .. }
            | Statement::ShowStatus { .. }
            | Statement::ShowVariables { .. }
            | Statement::ShowCreate { .. }
            | Statement::ShowColumns { .. }
            | Statement::ShowDatabases { .. }
            | Statement::ShowProcessList { .. }
            | Statement::ShowSchemas { .. }
            | Statement::ShowCharset(_)
            | Statement::ShowTables { .. }
            | Statement::ShowViews { .. }
            | Statement::ShowCollation { .. } => Self::Show,
            Statement::StartTransaction { .. }
            | Statement::Commit { .. }
            | Statement::Rollback { .. }
            | Statement::Savepoint { .. }
            | Statement::ReleaseSavepoint { .. } => Self::Transaction,
            Statement::Call(_) | Statement::Execute { .. } => Self::Call,
            Statement::Prepare { .. } => Self::Prepare,
            Statement::AttachDatabase { .. } | Statement::DetachDuckDBDatabase { .. } => Self::Attach,
            Statement::Lock(_) | Statement::LockTables { .. } | Statement::UnlockTables => Self::Lock,
            // SECURITY: the parser's enumeration grows. What is new to us is `other`, which no policy allows by chance.
            _ => Self::Other,
        }
    }
}
