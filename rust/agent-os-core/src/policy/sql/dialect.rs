//! The dialects that texts are read in.

use sqlparser::dialect::{
    Dialect as Grammar, GenericDialect, MsSqlDialect, MySqlDialect, PostgreSqlDialect, SQLiteDialect,
};

/// A dialect of SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::policy) enum Dialect {
    /// What all of the others read alike.
    Generic,
    Postgres,
    /// MariaDB too.
    Mysql,
    Sqlite,
    Mssql,
}

impl Dialect {
    pub(in crate::policy) const ALL: [Self; 5] =
        [Self::Generic, Self::Postgres, Self::Mysql, Self::Sqlite, Self::Mssql];

    /// The name in policies.
    pub(in crate::policy) const fn code(self) -> &'static str {
        match self {
            Self::Generic => "generic",
            Self::Postgres => "postgres",
            Self::Mysql => "mysql",
            Self::Sqlite => "sqlite",
            Self::Mssql => "mssql",
        }
    }

    pub(in crate::policy) fn find(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dialect| dialect.code() == code)
    }

    pub(super) fn grammar(self) -> &'static dyn Grammar {
        match self {
            Self::Generic => &GenericDialect {},
            Self::Postgres => &PostgreSqlDialect {},
            Self::Mysql => &MySqlDialect {},
            Self::Sqlite => &SQLiteDialect {},
            Self::Mssql => &MsSqlDialect {},
        }
    }
}
