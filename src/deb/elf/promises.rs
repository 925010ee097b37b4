//! What the package of a library promises to programs: its control files `symbols` (deb-symbols(5)) and `shlibs`
//! (deb-shlibs(5)) → the relations for each symbol, or for the library as a whole.

use std::collections::{HashMap, HashSet};

use crate::control::{Relations, Version};

/// The place of the lowest version in a relation of a symbols file.
const LOWEST: &str = "#MINVER#";

/// The promise for one library.
#[derive(Debug, Clone)]
pub enum Promise {
    /// Each symbol has the lowest version of the package that has it.
    Symbols(LibrarySymbols),
    /// These relations are for all programs.
    Whole(Relations),
}

/// A part of a symbols file, about one library.
#[derive(Debug, Clone)]
pub struct LibrarySymbols {
    /// The relations, with `#MINVER#` instead of the lowest version; the first one is the usual one.
    templates: Vec<String>,
    /// Each symbol with its lowest version and the place of its relations.
    symbols: HashMap<String, (Version, usize)>,
    versions: HashSet<String>,
}

impl Promise {
    /// Reads the control files of a package. `None` when they say nothing about the library, or what they say is not valid.
    pub fn of(library: &str, symbols: Option<&str>, shlibs: Option<&str>) -> Option<Self> {
        let of_symbols = symbols.and_then(|text| LibrarySymbols::read(library, text)).map(Self::Symbols);
        of_symbols.or_else(|| whole(library, shlibs?).map(Self::Whole))
    }
}

impl LibrarySymbols {
    /// Reads the part about a library. `None` without such a part, or when its relations are not valid.
    fn read(library: &str, text: &str) -> Option<Self> {
        let mut lines = part(text, library)?;
        let first = lines.next()?.split_once(char::is_whitespace)?.1.trim();
        let (mut templates, mut symbols) = (vec![first.to_owned()], HashMap::new());
        for line in lines {
            match line.split_at_checked(1) {
                Some(("|", template)) => templates.push(template.trim().to_owned()),
                Some((" ", symbol)) => symbols.extend(symbol_line(symbol)),
                _ => {}
            }
        }
        let is_valid = |template: &String| relations(template, Some("1")).is_some();
        let versions = symbols.keys().filter_map(|name: &String| Some(name.rsplit_once('@')?.1.to_owned())).collect();
        templates.iter().all(is_valid).then_some(Self { templates, symbols, versions })
    }

    /// Whether the library defines a version, such as `GLIBC_2.38`.
    pub(super) fn has_version(&self, version: &str) -> bool {
        self.versions.contains(version)
    }

    /// The relations of a symbol, and the version to put into them.
    pub(super) fn find(&self, symbol: &str) -> Option<(&str, &Version)> {
        let (lowest, place) = self.symbols.get(symbol)?;
        Some((self.templates.get(*place)?, lowest))
    }

    /// The relations of a program that uses no symbol of the library, and the version to put into them.
    pub(super) fn usual(&self) -> Option<(&str, Option<&Version>)> {
        let lowest = self.symbols.values().filter(|(_, place)| *place == 0).map(|(lowest, _)| lowest).min();
        Some((self.templates.first()?, lowest))
    }
}

/// The part of a symbols file about one library, as text. `None` when it has none.
pub fn about(library: &str, symbols: &str) -> Option<String> {
    Some(part(symbols, library)?.map(|line| format!("{line}\n")).collect())
}

/// The lines of a symbols file about a library, its name first.
fn part<'a>(text: &'a str, library: &'a str) -> Option<impl Iterator<Item = &'a str>> {
    let mut lines =
        text.lines().skip_while(move |line| !is_start(line) || line.split_whitespace().next() != Some(library));
    let first = lines.next()?;
    Some(std::iter::once(first).chain(lines.take_while(|line| !is_start(line))))
}

/// Whether the part of a library begins here.
fn is_start(line: &str) -> bool {
    !line.is_empty() && !line.starts_with([' ', '|', '*', '#'])
}

/// `NAME@VERSION LOWEST [PLACE]`. A name with tags before it is not in the packages of an archive.
fn symbol_line(line: &str) -> Option<(String, (Version, usize))> {
    let mut words = line.split_whitespace();
    let (name, lowest) = (words.next()?, words.next()?);
    let place = words.next().map_or(Some(0), |place| place.parse().ok())?;
    Some((name.to_owned(), (lowest.parse().ok()?, place)))
}

/// Puts a version into the relations of a symbols file. Version 0 is every version, as for dpkg-shlibdeps(1).
pub(super) fn relations(template: &str, lowest: Option<&str>) -> Option<Relations> {
    let limit = lowest.filter(|lowest| *lowest != "0").map(|lowest| format!("(>= {lowest})")).unwrap_or_default();
    template.replace(LOWEST, &limit).parse().ok()
}

/// The name and the version in a library's name: `libssl.so.3` and `libfoo-1.2.so` have them.
pub fn split_name(library: &str) -> Option<(&str, &str)> {
    let (name, version) = match library.split_once(".so.") {
        Some(parts) => parts,
        None => {
            let stem = library.strip_suffix(".so")?;
            let number = |at: &usize| {
                stem.get(at.saturating_add(1)..).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
            };
            let at = stem.match_indices('-').map(|(at, _)| at).find(number)?;
            (stem.get(..at)?, stem.get(at.saturating_add(1)..)?)
        }
    };
    (!name.is_empty() && !version.is_empty()).then_some((name, version))
}

/// The relations in a shlibs file for a library: `[TYPE: ]NAME VERSION RELATIONS`.
fn whole(library: &str, shlibs: &str) -> Option<Relations> {
    let (name, version) = split_name(library)?;
    let mut usual = None;
    for line in shlibs.lines().filter(|line| !line.starts_with('#')) {
        let (kind, rest) = match line.trim().split_once(": ") {
            Some((kind, rest)) if !kind.contains(char::is_whitespace) => (Some(kind), rest),
            _ => (None, line.trim()),
        };
        let mut words = rest.split_whitespace();
        if words.next() != Some(name) || words.next() != Some(version) {
            continue;
        }
        let relations = words.collect::<Vec<_>>().join(" ").parse::<Relations>().ok();
        match kind {
            Some("deb") => return relations,
            None => usual = usual.or(relations),
            Some(_) => {}
        }
    }
    usual
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In the format of deb-symbols(5).
    const SYMBOLS: &str = "\
libftp.so.3 libftp3 #MINVER#
| libftp3 #MINVER#, libftp3 (<< 4)
* Build-Depends-Package: libftp-dev
 DefaultNetrc@Base 3.1-1-6 1
 FtpAccess@FTP_3.2 3.2
# a comment
libftp.so.4 libftp4 #MINVER# | libftp4-ssl #MINVER#, libftp-data
 FtpOpen@Base 0
";

    fn symbols(library: &str) -> LibrarySymbols {
        LibrarySymbols::read(library, SYMBOLS).unwrap()
    }

    #[test]
    fn a_symbols_file_has_a_part_for_each_library() {
        let three = symbols("libftp.so.3");
        let (template, lowest) = three.find("DefaultNetrc@Base").unwrap();
        let found = relations(template, Some(lowest.as_str())).unwrap();
        assert_eq!(found.to_string(), "libftp3 (>= 3.1-1-6), libftp3 (<< 4)");
        assert_eq!(three.usual().unwrap().1.unwrap().as_str(), "3.2");
        assert!(three.has_version("FTP_3.2") && !three.has_version("FTP_3.3") && three.find("FtpOpen@Base").is_none());
        let four = symbols("libftp.so.4");
        let (template, lowest) = four.find("FtpOpen@Base").unwrap();
        assert_eq!(
            relations(template, Some(lowest.as_str())).unwrap().to_string(),
            "libftp4 | libftp4-ssl, libftp-data"
        );
        assert_eq!(about("libftp.so.4", SYMBOLS).unwrap().lines().count(), 2);
        assert!(LibrarySymbols::read("libftp.so.5", SYMBOLS).is_none());
        assert!(LibrarySymbols::read("l.so.1", "l.so.1 not a relation\n").is_none());
    }

    #[test]
    fn a_shlibs_file_speaks_of_the_whole_library() {
        let text = "libc 6 libc6 (>= 2.36)\nudeb: libc 6 libc6-udeb\nlibdb 5.3 libdb5.3 | libdb5.3-x\n";
        let found = |library: &str| whole(library, text).map(|relations| relations.to_string());
        assert_eq!(found("libc.so.6").as_deref(), Some("libc6 (>= 2.36)"));
        assert_eq!(found("libdb-5.3.so").as_deref(), Some("libdb5.3 | libdb5.3-x"));
        assert_eq!((found("libc.so.5"), found("libc.so")), (None, None));
        let typed = "libx 1 libx1\ndeb: libx 1 libx1 (>= 2)\n";
        assert_eq!(whole("libx.so.1", typed).unwrap().to_string(), "libx1 (>= 2)");
    }
}
