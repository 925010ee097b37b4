//! The control data of a binary package (deb-control(5), Debian Policy 5.3): typed fields → a valid stanza, with the
//! fields in the order of dpkg-gencontrol.

use crate::control::{Architecture, Comparison, PackageName, Priority, Relations, Stanza, Version};

/// Which mistakes of control data are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ControlRules {
    /// All that Debian Policy forbids.
    Policy,
    /// Only what dpkg refuses: for control data that were written for another tool.
    Dpkg,
}

/// The fields of a package's control data. Each is named after its field in the file.
#[derive(Debug, Clone)]
pub struct Control {
    pub rules: ControlRules,
    pub package: PackageName,
    pub version: Version,
    pub architecture: Architecture,
    /// `Maintainer`: `Name <address>`
    pub maintainer: String,
    pub pre_depends: Relations,
    pub depends: Relations,
    pub recommends: Relations,
    pub suggests: Relations,
    pub enhances: Relations,
    pub conflicts: Relations,
    pub breaks: Relations,
    pub replaces: Relations,
    pub provides: Relations,
    /// `Section`, e.g. `web`; only a package for a repository of packages needs one.
    pub section: Option<String>,
    pub priority: Priority,
    pub homepage: Option<String>,
    /// The first line of `Description`: at most 80 characters.
    pub summary: String,
    /// The other lines of `Description`. An empty line separates paragraphs; a line that begins with a space
    /// is shown as it is.
    pub description: String,
    /// More fields, as name and value; each value has one line. They are written last.
    pub extra: Vec<(String, String)>,
}

/// Why dpkg or Debian's archive would refuse the control data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
pub enum ControlError {
    /// A field that must be there is empty.
    #[error("the field {0} is empty")]
    #[diagnostic(help("give it a value"))]
    Empty(&'static str),
    /// A line break or another control character in a field of one line.
    #[error("the field {field} is `{}`: it may have no line break or other control character", value.escape_debug())]
    #[diagnostic(help("write it in one line"))]
    NotOneLine {
        field: String,
        /// Its value as it was given.
        value: String,
    },
    /// Not `Name <address>`.
    #[error("the maintainer `{0}` is not written as `Name <user@example.org>`")]
    #[diagnostic(help("write a name, a blank, and one e-mail address between `<` and `>` (Debian Policy 5.6.2)"))]
    Maintainer(String),
    /// A section with a character that no section has.
    #[error("the section `{0}` is not a name of small letters, digits and `-`")]
    #[diagnostic(help("take one of Debian Policy 2.4, such as `web`"))]
    Section(String),
    /// Not an address of a web site.
    #[error("the home page `{0}` is not a web address")]
    #[diagnostic(help("write it in full, such as `https://example.org/`"))]
    Homepage(String),
    /// The description's first line is too long.
    #[error("the description's first line has {0} characters: at most 80 will do")]
    #[diagnostic(help("say what it is in a few words; the rest belongs into the long description"))]
    SummaryLength(usize),
    /// A line of the long description that Policy keeps for later use.
    #[error("the description's line `{0}` begins with a full stop, which has a meaning of its own there")]
    #[diagnostic(help("begin the line with another character (Debian Policy 5.6.13)"))]
    DescriptionLine(String),
    /// An alternative (`|`) in a field that allows none.
    #[error("the field {field} has the alternatives `{relation}`, which dpkg refuses there")]
    #[diagnostic(help("separate the packages with commas"))]
    Alternatives { field: &'static str, relation: String },
    /// `Provides` with another comparison than `=`.
    #[error("the field Provides has `{0}`, where only `=` may stand before a version")]
    #[diagnostic(help("write the one version that the package provides, or none (Debian Policy 7.5)"))]
    Provides(String),
    #[error("`{}` cannot be the name of a field", .0.escape_debug())]
    #[diagnostic(help("take letters, digits and `-`, and begin with a letter"))]
    FieldName(String),
    /// One of the additional fields exists already.
    #[error("the field {0} is there twice")]
    #[diagnostic(help("leave the additional one out"))]
    Duplicate(String),
}

impl Control {
    /// # Errors
    /// The first one that dpkg would refuse, or, by [`ControlRules::Policy`], that Debian Policy says must not be so.
    pub fn check(&self) -> Result<(), ControlError> {
        one_line("Maintainer", &self.maintainer)?;
        one_line("Description", &self.summary)?;
        for (name, value) in [("Section", &self.section), ("Homepage", &self.homepage)] {
            value.as_ref().map_or(Ok(()), |value| one_line(name, value))?;
        }
        for line in self.description.lines() {
            no_control_character("Description", &line.trim_end().replace('\t', ""))?;
        }
        self.check_relations()?;
        self.check_extra()?;
        if self.rules == ControlRules::Policy { self.check_policy() } else { Ok(()) }
    }

    /// # Errors
    /// The first mistake that dpkg accepts and Debian Policy forbids.
    pub fn check_policy(&self) -> Result<(), ControlError> {
        check_maintainer(&self.maintainer)?;
        // Python takes these for line breaks, so python3-debian refuses the package.
        let has_break = |value: &str| value.contains(['\u{2028}', '\u{2029}']);
        if let Some((field, value)) = self.stanza(0).fields().find(|(_, value)| has_break(value)) {
            return Err(not_one_line(field, value));
        }
        let odd = |c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '/'));
        if let Some(section) = self.section.as_ref().filter(|section| section.contains(odd)) {
            return Err(ControlError::Section(section.clone()));
        }
        if let Some(homepage) = &self.homepage {
            let rest = homepage.strip_prefix("https://").or_else(|| homepage.strip_prefix("http://"));
            if rest.is_none_or(str::is_empty) || homepage.contains(char::is_whitespace) {
                return Err(ControlError::Homepage(homepage.clone()));
            }
        }
        let length = self.summary.chars().count();
        if length > 80 {
            return Err(ControlError::SummaryLength(length));
        }
        match self.description.lines().find(|line| line.starts_with('.')) {
            Some(line) => Err(ControlError::DescriptionLine(line.to_owned())),
            None => Ok(()),
        }
    }

    fn check_relations(&self) -> Result<(), ControlError> {
        let fields = [
            ("Conflicts", &self.conflicts),
            ("Breaks", &self.breaks),
            ("Replaces", &self.replaces),
            ("Provides", &self.provides),
        ];
        for (field, relations) in fields {
            if let Some(member) = relations.0.iter().find(|member| member.0.len() > 1) {
                return Err(ControlError::Alternatives { field, relation: member.to_string() });
            }
        }
        let not_equal = |comparison| comparison != Comparison::Equal;
        let provided = self.provides.0.iter().flat_map(|member| &member.0);
        match provided.into_iter().find(|one| one.version.as_ref().is_some_and(|(c, _)| not_equal(*c))) {
            Some(relation) => Err(ControlError::Provides(relation.to_string())),
            None => Ok(()),
        }
    }

    fn check_extra(&self) -> Result<(), ControlError> {
        let mut stanza = self.stanza_without_extra(0);
        for (name, value) in &self.extra {
            let good = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
            if !good || !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
                return Err(ControlError::FieldName(name.clone()));
            }
            one_line_of(name, value)?;
            if stanza.get(name).is_some() || self.has_typed_field(name) {
                return Err(ControlError::Duplicate(name.clone()));
            }
            stanza.set(name, value.as_str());
        }
        Ok(())
    }

    fn has_typed_field(&self, name: &str) -> bool {
        name.eq_ignore_ascii_case("Homepage") || self.relations().iter().any(|(f, _)| f.eq_ignore_ascii_case(name))
    }

    fn relations(&self) -> [(&'static str, &Relations); 9] {
        [
            ("Pre-Depends", &self.pre_depends),
            ("Depends", &self.depends),
            ("Recommends", &self.recommends),
            ("Suggests", &self.suggests),
            ("Enhances", &self.enhances),
            ("Conflicts", &self.conflicts),
            ("Breaks", &self.breaks),
            ("Replaces", &self.replaces),
            ("Provides", &self.provides),
        ]
    }

    /// The stanza of the file `control`. `installed_size` is in KiB.
    pub fn stanza(&self, installed_size: u64) -> Stanza {
        let mut stanza = self.stanza_without_extra(installed_size);
        for (name, value) in &self.extra {
            stanza.set(name, value.as_str());
        }
        stanza
    }

    fn stanza_without_extra(&self, installed_size: u64) -> Stanza {
        let mut stanza = Stanza::default();
        stanza.set("Package", self.package.as_str());
        stanza.set("Version", self.version.as_str());
        stanza.set("Architecture", self.architecture.as_str());
        stanza.set("Maintainer", self.maintainer.as_str());
        stanza.set("Installed-Size", installed_size.to_string());
        for (name, relations) in self.relations() {
            if !relations.0.is_empty() {
                stanza.set(name, relations.to_string());
            }
        }
        if let Some(section) = &self.section {
            stanza.set("Section", section.as_str());
        }
        stanza.set("Priority", self.priority.as_str());
        if let Some(homepage) = &self.homepage {
            stanza.set("Homepage", homepage.as_str());
        }
        let body = self.description.trim_end().lines().map(|line| format!("\n{}", line.trim_end()));
        stanza.set("Description", format!("{}{}", self.summary, body.collect::<String>()));
        stanza
    }
}

fn check_maintainer(text: &str) -> Result<(), ControlError> {
    let bad = || ControlError::Maintainer(text.to_owned());
    let (name, rest) = text.split_once(" <").ok_or_else(bad)?;
    let address = rest.strip_suffix('>').ok_or_else(bad)?;
    let (user, host) = address.split_once('@').ok_or_else(bad)?;
    let odd = |c: char| c.is_whitespace() || matches!(c, '<' | '>' | '@' | ',');
    if name.trim().is_empty() || name.contains(['<', '>']) || user.is_empty() || host.is_empty() {
        return Err(bad());
    }
    if user.contains(odd) || host.contains(odd) { Err(bad()) } else { Ok(()) }
}

fn one_line(field: &'static str, value: &str) -> Result<(), ControlError> {
    if value.trim().is_empty() { Err(ControlError::Empty(field)) } else { one_line_of(field, value) }
}

fn one_line_of(field: &str, value: &str) -> Result<(), ControlError> {
    no_control_character(field, value)?;
    // Spaces at the ends are lost when the field is read.
    if value.trim() == value { Ok(()) } else { Err(not_one_line(field, value)) }
}

fn no_control_character(field: &str, value: &str) -> Result<(), ControlError> {
    if value.contains(char::is_control) { Err(not_one_line(field, value)) } else { Ok(()) }
}

fn not_one_line(field: &str, value: &str) -> ControlError {
    ControlError::NotOneLine { field: field.to_owned(), value: value.to_owned() }
}
