//! dpkg's rules for files that are not installed: `path-exclude` and `path-include` (dpkg(1)). The same rules apply to the
//! packages that this program unpacks and, because they are in the root's /etc/dpkg/dpkg.cfg.d, to dpkg and all upgrades.

use std::ffi::CString;

/// One rule. The pattern begins with `/` and is that of fnmatch(3) without flags: `*` also matches slashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathRule {
    /// Matching paths are not installed.
    Exclude(String),
    /// Matching paths are installed, even if an earlier rule excludes them.
    Include(String),
}

impl PathRule {
    /// The rules in a file of dpkg's configuration (dpkg.cfg(5)), in their order. Other lines are ignored.
    pub fn parse(text: &str) -> Vec<Self> {
        let rule = |line: &str| {
            let (option, pattern) = line.trim().split_once('=')?;
            match option.trim() {
                "path-exclude" => Some(Self::Exclude(pattern.trim().to_owned())),
                "path-include" => Some(Self::Include(pattern.trim().to_owned())),
                _ => None,
            }
        };
        text.lines().filter_map(rule).collect()
    }
}

/// All rules. The last that matches a path decides.
#[derive(Debug, Default)]
pub(super) struct Filter {
    rules: Vec<(CString, PathRule)>,
}

/// The kind of a file, as far as the filter depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FilteredKind {
    /// A folder or a symbolic link. It is kept if an `Include` rule may match something below it.
    FolderOrLink,
    Other,
}

impl Filter {
    /// Compiles the rules. A rule with a zero byte can match nothing and is ignored.
    pub(super) fn new(rules: &[PathRule]) -> Self {
        let compile = |rule: &PathRule| {
            let (PathRule::Exclude(pattern) | PathRule::Include(pattern)) = rule;
            CString::new(pattern.as_str()).ok().map(|compiled| (compiled, rule.clone()))
        };
        Self { rules: rules.iter().filter_map(compile).collect() }
    }

    /// Whether the file `path`, which begins with `/`, is not installed. It follows `filter_should_skip` in dpkg's filters.c.
    pub(super) fn skips(&self, path: &[u8], kind: FilteredKind) -> bool {
        if self.rules.is_empty() {
            return false;
        }
        let Ok(name) = CString::new(path) else { return false };
        // SAFETY: both are strings that end with a zero byte.
        let matches = |pattern: &CString| unsafe { libc::fnmatch(pattern.as_ptr(), name.as_ptr(), 0) } == 0;
        let last = self.rules.iter().rev().find(|(pattern, _)| matches(pattern));
        if !matches!(last, Some((_, PathRule::Exclude(_)))) {
            return false;
        }
        kind == FilteredKind::Other || !self.rules.iter().any(|(_, rule)| rule.may_include_below(path))
    }
}

impl PathRule {
    fn may_include_below(&self, folder: &[u8]) -> bool {
        let Self::Include(pattern) = self else { return false };
        let fixed = pattern.split(['*', '?', '[', '\\']).next().unwrap_or_default().trim_end_matches('/');
        // dpkg compares the path only with the part of the pattern before its first wildcard.
        folder.starts_with(fixed.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_rule_that_matches_decides() {
        // The example of dpkg(1): "--path-exclude=/usr/share/doc/*" with "--path-include=/usr/share/doc/*/copyright".
        let filter = Filter::new(&[
            PathRule::Exclude("/usr/share/doc/*".to_owned()),
            PathRule::Include("/usr/share/doc/*/copyright".to_owned()),
        ]);
        assert!(filter.skips(b"/usr/share/doc/bash/README", FilteredKind::Other));
        assert!(filter.skips(b"/usr/share/doc/bash/deep/README", FilteredKind::Other));
        assert!(!filter.skips(b"/usr/share/doc/bash/copyright", FilteredKind::Other));
        assert!(!filter.skips(b"/usr/share/doc/bash", FilteredKind::FolderOrLink), "a file below it is kept");
        assert!(!filter.skips(b"/usr/share/docs", FilteredKind::Other));
    }

    #[test]
    fn rules_are_read_as_dpkg_reads_its_configuration() {
        let text = "# a comment\nno-debsig\npath-exclude=/a/*\npath-include = /a/b\n";
        let rules = [PathRule::Exclude("/a/*".to_owned()), PathRule::Include("/a/b".to_owned())];
        assert_eq!(PathRule::parse(text), rules);
    }
}
