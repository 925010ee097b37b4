//! Reads the statements of a migration, as far as its transaction is concerned. A migration runs in one transaction, so that
//! one that fails is undone; it may not end that transaction itself, and some statements cannot run in one. A migration whose
//! first line is [`NO_TRANSACTION`] runs without.

use std::fs;
use std::path::Path;

use super::file_error::FileError;

/// The first line of a migration that runs without a transaction.
pub const NO_TRANSACTION: &str = "-- stackdeb: no transaction";

/// Checks the statements of a migration.
pub(super) fn check(path: &Path) -> Result<(), FileError> {
    let shown = path.display().to_string();
    let bytes = fs::read(path).map_err(|source| FileError::Unreadable { path: shown.clone(), source })?;
    let text = String::from_utf8_lossy(&bytes);
    if text.lines().next().is_some_and(|line| line.trim_end() == NO_TRANSACTION) {
        return Ok(());
    }
    let fault = Statements::of(&text).find_map(|statement| {
        let (line, what) = (statement.line, statement.words.join(" "));
        if statement.is_transaction_control() {
            Some(FileError::OwnTransaction { path: shown.clone(), line, what })
        } else if statement.refuses_transaction() {
            Some(FileError::NeedsNoTransaction { path: shown.clone(), line, what })
        } else {
            None
        }
    });
    fault.map_or(Ok(()), Err)
}

/// The beginning of a statement.
struct Statement {
    /// Where it begins, counted from 1.
    line: usize,
    /// Its first words, in upper case.
    words: Vec<String>,
}

/// How many words of a statement are kept.
const KEPT_WORDS: usize = 6;

impl Statement {
    fn is_transaction_control(&self) -> bool {
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["BEGIN" | "COMMIT" | "END" | "ABORT", ..] | ["START" | "PREPARE", "TRANSACTION", ..] => true,
            ["ROLLBACK", rest @ ..] => !rest.contains(&"TO"),
            _ => false,
        }
    }

    fn refuses_transaction(&self) -> bool {
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["VACUUM", ..] | ["ALTER", "SYSTEM", ..] | ["CREATE" | "DROP", "DATABASE" | "TABLESPACE", ..] => true,
            ["CREATE" | "DROP" | "REINDEX", rest @ ..] => {
                rest.iter().take(3).any(|word| *word == "CONCURRENTLY")
                    && rest.iter().any(|w| matches!(*w, "INDEX" | "TABLE"))
            }
            _ => false,
        }
    }
}

/// The statements of a text, with the lexical rules of PostgreSQL ("Lexical Structure") and psql's lines.
struct Statements<'a> {
    rest: &'a str,
    line: usize,
}

impl<'a> Statements<'a> {
    fn of(text: &'a str) -> Self {
        Self { rest: text, line: 1 }
    }

    /// Goes on by `length` bytes, or to the end when that is not between two characters.
    fn skip(&mut self, length: usize) {
        let (skipped, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, ""));
        self.line = self.line.saturating_add(skipped.matches('\n').count());
        self.rest = rest;
    }

    /// Goes on to the end of what ends with `end`, after its first `from` bytes.
    fn skip_through(&mut self, from: usize, end: &str) {
        let found = self.rest.get(from..).and_then(|rest| rest.find(end));
        let length = found.map(|at| from.saturating_add(at).saturating_add(end.len()));
        self.skip(length.unwrap_or(self.rest.len()));
    }

    /// Goes past a string in single quotes. In one that begins with `E`, a backslash takes the next character.
    fn skip_string(&mut self, escapes: bool) {
        let mut end = self.rest.len();
        let mut characters = self.rest.char_indices().skip(1).peekable();
        while let Some((at, character)) = characters.next() {
            match character {
                '\\' if escapes => drop(characters.next()),
                '\'' if characters.peek().is_some_and(|&(_, next)| next == '\'') => drop(characters.next()),
                '\'' => {
                    end = at.saturating_add(1);
                    break;
                }
                _ => {}
            }
        }
        self.skip(end);
    }

    /// Goes past a comment in `/* */`, which may have others in it.
    fn skip_comment(&mut self) {
        let mut depth = 0_usize;
        while !self.rest.is_empty() {
            if self.rest.starts_with("/*") {
                depth = depth.saturating_add(1);
                self.skip(2);
            } else if self.rest.starts_with("*/") {
                depth = depth.saturating_sub(1);
                self.skip(2);
                if depth == 0 {
                    return;
                }
            } else {
                self.skip(self.rest.chars().next().map_or(1, char::len_utf8));
            }
        }
    }

    /// The tag of a dollar-quoted string that begins here: `$$` or `$body$`.
    fn dollar_tag(&self) -> Option<&'a str> {
        let inside = self.rest.strip_prefix('$')?;
        let end = inside.find('$')?;
        let tag = inside.get(..end)?;
        let is_tag = tag.chars().all(is_of_word) && !tag.starts_with(|c: char| c.is_ascii_digit());
        is_tag.then(|| self.rest.get(..end.saturating_add(2))).flatten()
    }

    /// Takes a word that begins here.
    fn word(&mut self) -> &'a str {
        let end = self.rest.find(|c: char| !is_of_word(c) && c != '$').unwrap_or(self.rest.len());
        let word = self.rest.get(..end).unwrap_or_default();
        self.skip(end);
        word
    }
}

impl Iterator for Statements<'_> {
    type Item = Statement;

    fn next(&mut self) -> Option<Statement> {
        let mut statement = Statement { line: self.line, words: Vec::new() };
        // How many blocks of a function's body are open: `BEGIN ATOMIC`, and each `CASE` in it.
        let mut blocks = 0_usize;
        let mut last = String::new();
        let mut from_standard_input = false;
        while let Some(first) = self.rest.chars().next() {
            if first == '-' && self.rest.starts_with("--") {
                self.skip_through(0, "\n");
            } else if self.rest.starts_with("/*") {
                self.skip_comment();
            } else if first == '\'' {
                self.skip_string(last == "E");
                last.clear();
            } else if first == '"' {
                self.skip_through(1, "\"");
            } else if let Some(tag) = self.dollar_tag() {
                self.skip_through(tag.len(), tag);
            } else if first == '\\' {
                // A line for psql.
                self.skip_through(0, "\n");
            } else if is_of_word(first) {
                let line = self.line;
                let word = self.word().to_uppercase();
                if statement.words.is_empty() {
                    statement.line = line;
                }
                match word.as_str() {
                    "ATOMIC" if last == "BEGIN" => blocks = 1,
                    "CASE" if blocks > 0 => blocks = blocks.saturating_add(1),
                    "END" => blocks = blocks.saturating_sub(1),
                    "STDIN" if last == "FROM" => from_standard_input = true,
                    _ => {}
                }
                if statement.words.len() < KEPT_WORDS {
                    statement.words.push(word.clone());
                }
                last = word;
            } else {
                self.skip(first.len_utf8());
                if first == ';' && blocks == 0 {
                    if from_standard_input && statement.words.first().is_some_and(|word| word == "COPY") {
                        self.skip_through(0, "\n\\.");
                    }
                    if statement.words.is_empty() {
                        continue;
                    }
                    return Some(statement);
                }
            }
        }
        Some(statement).filter(|statement| !statement.words.is_empty())
    }
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> Result<(), FileError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("1.sql");
        fs::write(&path, text).unwrap();
        check(&path)
    }

    #[test]
    fn a_migration_may_not_end_its_transaction() {
        for (text, line) in [
            ("BEGIN; CREATE TABLE a(); COMMIT;\nSELECT 1/0;", 1),
            ("CREATE TABLE a();\n\ncommit ;", 3),
            ("start transaction read only;", 1),
            ("/* ; /* ; */ ; */\nEND", 2),
            ("SELECT 'it''s; COMMIT;';\nROLLBACK;", 2),
            ("SELECT E'\\'; ';\nABORT;", 2),
            ("COPY a (b) FROM stdin;\nCOMMIT;\n\\.\nCOMMIT;", 4),
        ] {
            match fault(text) {
                Err(FileError::OwnTransaction { line: found, .. }) => assert_eq!(found, line, "{text}"),
                other => panic!("{text}: {other:?}"),
            }
        }
        for text in [
            "",
            "CREATE TABLE a ();",
            "SAVEPOINT s; ROLLBACK TO SAVEPOINT s; RELEASE s;",
            "-- COMMIT;\nSELECT 'COMMIT;', \"COMMIT;\", $$; COMMIT; $$, $a$ $$; COMMIT; $a$;",
            "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 1; END; $$;",
            "CREATE FUNCTION f(a int) RETURNS int BEGIN ATOMIC SELECT CASE a WHEN 1 THEN 2 END; SELECT 3; END;\nSELECT 1;",
            "DO $do$ BEGIN PERFORM 1; END $do$;",
            "\\echo BEGIN;\nSELECT 1;",
            "COPY a (b) FROM stdin;\nCOMMIT;\n\\.\nSELECT 1;",
            "-- stackdeb: no transaction\nBEGIN; COMMIT;",
            "COMMENT ON TABLE a IS 'COMMIT';",
            "PREPARE p AS SELECT 1; EXECUTE p;",
        ] {
            assert!(fault(text).is_ok(), "{text}: {:?}", fault(text));
        }
    }

    #[test]
    fn what_cannot_run_in_a_transaction_is_told_what_to_write() {
        for text in [
            "CREATE INDEX CONCURRENTLY i ON a (b);",
            "create unique index concurrently if not exists i on a (b);",
            "DROP INDEX CONCURRENTLY i;",
            "REINDEX INDEX CONCURRENTLY i;",
            "VACUUM a;",
            "CREATE DATABASE other;",
        ] {
            let said = fault(text).unwrap_err();
            assert!(matches!(said, FileError::NeedsNoTransaction { .. }), "{text}: {said}");
            assert!(fault(&format!("{NO_TRANSACTION}\n{text}")).is_ok(), "{text}");
        }
        for text in ["CREATE INDEX i ON a (b);", "CREATE TABLE concurrently_made ();", "DROP TABLE a;"] {
            assert!(fault(text).is_ok(), "{text}");
        }
    }
}
