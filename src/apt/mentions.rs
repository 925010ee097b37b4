//! The order in which the indices of an archive first mention names. apt numbers packages so when it reads the indices; among
//! providers of a virtual package that nothing else tells apart, it takes the one with the highest number.

use std::collections::HashMap;

use super::record::Record;
use crate::control::Stanza;

/// The fields in which apt finds names, in the order in which it reads them (`debListParser::NewVersion`).
const FIELDS: [&str; 9] =
    ["Pre-Depends", "Depends", "Conflicts", "Breaks", "Recommends", "Suggests", "Replaces", "Enhances", "Provides"];
/// The largest number of names in an index. Debian's mention about 100,000.
pub(super) const MOST: usize = 500_000;
/// The longest name that counts, in bytes. Those of Debian have less than half of that.
const LONGEST: usize = 200;

/// Names with their numbers, the first from 0.
#[derive(Debug, Default)]
pub(super) struct Mentions(HashMap<Box<str>, u32>);

impl Mentions {
    /// Takes the names of a package's stanza: its own, and those of its relations, in which a name that is followed by an
    /// architecture is another one for apt.
    pub(super) fn add(&mut self, stanza: &Stanza) {
        self.mention(stanza.get("Package").unwrap_or_default());
        for text in FIELDS.iter().filter_map(|field| stanza.get(field)) {
            for relation in text.split([',', '|']) {
                let relation = relation.trim_start();
                let name = relation.split(|end: char| end == '(' || end.is_whitespace()).next().unwrap_or_default();
                if !name.contains(':') {
                    self.mention(name);
                }
            }
        }
    }

    fn mention(&mut self, name: &str) {
        if !name.is_empty() && name.len() <= LONGEST && !self.0.contains_key(name) {
            let number = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
            self.0.insert(name.into(), number);
        }
    }

    /// How many names there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Adds those of the next index, whose new names come after all that are here.
    fn append(&mut self, next: Self) {
        let mut names: Vec<(Box<str>, u32)> = next.0.into_iter().collect();
        names.sort_unstable_by_key(|(_, number)| *number);
        for (name, _) in names {
            self.mention(&name);
        }
    }
}

/// The records of all indices, in the order of the indices, each with the number of its name.
pub(super) fn numbered(indices: Vec<(Vec<Record>, Mentions)>) -> Vec<Record> {
    let (mut all, mut records) = (Mentions::default(), Vec::new());
    for (of_index, mentions) in indices {
        records.extend(of_index);
        match all.len() {
            0 => all = mentions,
            _ => all.append(mentions),
        }
    }
    for record in &mut records {
        record.mentioned = all.0.get(record.name.as_str()).copied().unwrap_or_default();
    }
    records
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mentions(stanzas: &[&str]) -> Mentions {
        let mut mentions = Mentions::default();
        stanzas.iter().for_each(|text| mentions.add(&Stanza::parse(text).unwrap()));
        mentions
    }

    #[test]
    fn names_have_the_order_in_which_apt_reads_them() {
        let text = "Package: aa\nProvides: zz (= 1)\nEnhances: ff\nDepends: cc (>= 2) | dd, ee:any\nPre-Depends: bb\n";
        let mentions = mentions(&[text, "Package: ff\n", "Package: gg\nSuggests: bb ,hh\n"]);
        let mut names: Vec<_> = mentions.0.iter().map(|(name, number)| (*number, name.as_ref())).collect();
        names.sort_unstable();
        let expected = ["aa", "bb", "cc", "dd", "ff", "zz", "gg", "hh"];
        assert_eq!(names, (0..).zip(expected).collect::<Vec<(u32, &str)>>());
    }

    #[test]
    fn a_name_keeps_the_number_of_the_first_index() {
        let mut first = mentions(&["Package: aa\nDepends: cc\n"]);
        first.append(mentions(&["Package: dd\nDepends: cc, bb\n", "Package: aa\n"]));
        for (name, number) in [("aa", 0), ("cc", 1), ("dd", 2), ("bb", 3)] {
            assert_eq!(first.0.get(name), Some(&number), "{name}");
        }
    }
}
