//! The packages of a root: what is wanted, and what the archive has → the packages that are chosen. Reading what the archive
//! has takes seconds, and a changed app seldom wants something else, so a choice is kept in the cache. It is named after the
//! Release files, of which everything else follows, and after what is wanted.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use miette::IntoDiagnostic;

use super::advice;
use super::archive::Repository;
use super::built_package::{BuiltFile, BuiltPackage};
use super::locked_image::LockedImage;
use super::source::Source;
use crate::apt::{DebOrigin, Field, PackageIndex, Record, Universe, names, solve, unasked};
use crate::control::{PackageName, Priority, Relations, Stanza, Stanzas};
use crate::stack::Stack;
use crate::system::cache::Cache;
use crate::system::cache::store::Store;
use crate::system::progress::Reporter;

/// The field that says in which index a package was found: the address of the archive, the suite and the component.
const INDEX: &str = "X-Index";
/// The field with the sentences for the user, one a line.
const WARNINGS: &str = "X-Warnings";

/// The packages that were chosen, and what the user is to know about the choice.
#[derive(Debug)]
pub(super) struct PackageChoice {
    /// Sorted by name, the stacks' own packages among them.
    pub records: Vec<Record>,
    /// What the user should look at, one sentence each.
    pub warnings: Vec<String>,
}

/// What a choice is made from. The essential packages are always wanted.
pub(super) struct WantedPackages<'a> {
    /// The stacks that are installed in the root: none where it only serves a build.
    pub stacks: &'a [Stack],
    /// In the order of the stacks.
    pub packages: &'a [BuiltPackage],
    /// Everything of this priority is wanted as well.
    pub priority: Option<Priority>,
    /// The packages that are wanted for their own sake.
    pub asked: &'a [Relations],
    pub repository: &'a Repository,
    pub source: &'a Source,
}

impl<'a> WantedPackages<'a> {
    /// What an image of `stacks` has: `asked`, and what every Debian has.
    pub fn of_image(
        stacks: &'a [Stack],
        packages: &'a [BuiltPackage],
        asked: &'a [Relations],
        repository: &'a Repository,
        source: &'a Source,
    ) -> Self {
        Self { stacks, packages, priority: Some(Priority::Required), asked, repository, source }
    }

    /// Chooses the packages, or takes the choice from the cache. `scratch` is a folder in it.
    ///
    /// # Errors
    /// When an index cannot be had or read, the distribution has a package of a stack's name, or no set of packages is what is
    /// wanted.
    pub fn choose(&self, cache: &Cache, scratch: &Path, reporter: Reporter) -> miette::Result<PackageChoice> {
        let kept = Store::new(cache.choices(), scratch.to_owned()).into_diagnostic()?;
        let key = kept.key(self.description().as_bytes());
        match kept.find(key) {
            Ok(None) => {}
            Ok(Some(text)) => {
                if let Some(choice) = self.read(&text) {
                    return Ok(choice);
                }
            }
            Err(damaged) => reporter.warn(&format!("{damaged}")),
        }
        let choice = self.make(cache)?;
        if let Some(text) = write(&choice) {
            // A full disk is noticed when the image is written; else the next image is only slower.
            let _ = kept.keep(key, text.as_bytes());
        }
        Ok(choice)
    }

    /// Everything that decides the choice. Of the stacks' own packages only the relations count, not the files.
    fn description(&self) -> String {
        let mut text = self.source.description(self.repository);
        let _ = writeln!(text, "{}", self.priority.map_or("", Priority::as_str));
        for relations in self.asked {
            let _ = writeln!(text, "{relations}");
        }
        for stack in self.stacks {
            let _ = writeln!(text, "{}\n{}\n{}", stack.app.depends, stack.package.depends, stack.image.packages);
        }
        for package in self.packages.iter().flat_map(BuiltPackage::files) {
            let fields = Field::ALL.map(Field::as_str).into_iter().chain(["Package", "Version", "Multi-Arch"]);
            for field in fields {
                let _ = writeln!(text, "{field}: {}", package.control.get(field).unwrap_or_default());
            }
        }
        text
    }

    fn make(&self, cache: &Cache) -> miette::Result<PackageChoice> {
        match self.source {
            Source::Archive(releases) => {
                let universe = releases.read(cache, &self.repository.client)?.universe;
                names::keep(&universe, self.repository.suite, cache)?;
                self.choose_from(universe)
            }
            Source::Lock(locked) => self.take(locked, Universe::new(locked.records(cache, self.repository)?)?),
        }
    }

    /// Takes all packages of a lock: which of several providers was chosen follows from the archive's indices, and these are not
    /// read. Without the stacks' packages, a part of the lock is enough.
    fn take(&self, locked: &LockedImage, universe: Universe) -> miette::Result<PackageChoice> {
        if self.packages.is_empty() {
            return self.choose_from(universe);
        }
        let all = universe.all();
        let (universe, warnings) = self.with_own(universe)?;
        let mut wanted = self.wanted_of(&universe);
        if let Some(extra) = unasked(&universe, &wanted)? {
            return Err(locked.unasked(extra));
        }
        wanted.push(all);
        Ok(PackageChoice { records: chosen(&universe, &wanted)?, warnings })
    }

    /// Chooses from these packages and the stacks' own.
    ///
    /// # Errors
    /// As [`WantedPackages::choose`].
    pub fn choose_from(&self, universe: Universe) -> miette::Result<PackageChoice> {
        let (universe, warnings) = self.with_own(universe)?;
        Ok(PackageChoice { records: chosen(&universe, &self.wanted_of(&universe))?, warnings })
    }

    /// The same packages with the stacks' own, and what the user is to know about these.
    fn with_own(&self, mut universe: Universe) -> miette::Result<(Universe, Vec<String>)> {
        let mut warnings = Vec::new();
        for stack in self.stacks {
            self.refuse_taken(stack, &universe)?;
            let version_of = |name: &PackageName| Some(universe.candidate(name.as_str())?.version.clone());
            warnings.extend(advice::of_relations(stack, version_of));
        }
        for BuiltFile { path, written, control, .. } in self.packages.iter().flat_map(BuiltPackage::files) {
            universe.add_local(control, path.to_owned(), written.sha256, written.size)?;
        }
        Ok((universe, warnings))
    }

    fn wanted_of(&self, universe: &Universe) -> Vec<Relations> {
        let mut wanted = vec![universe.essential()];
        wanted.extend(self.priority.map(|priority| universe.of_priority(priority)));
        wanted.extend(self.asked.iter().cloned());
        wanted
    }

    /// On the machine, apt would replace a package of the stack by one of the distribution with the same name.
    fn refuse_taken(&self, stack: &Stack, universe: &Universe) -> miette::Result<()> {
        let mut taken = stack.package_names().filter_map(|name| Some((name, universe.candidate(name.as_str())?)));
        match taken.next() {
            None => Ok(()),
            Some((name, theirs)) => Err(miette::miette!(
                help = "correct the key `name` in stack.toml",
                "{}: {}",
                self.repository.suite.title(),
                advice::taken(name, &theirs.version)
            )),
        }
    }

    /// Reads what [`write`] wrote. `None` if it is not that.
    fn read(&self, text: &[u8]) -> Option<PackageChoice> {
        let mut stanzas = Stanzas::new(text);
        let head = stanzas.next()?.ok()?;
        let warnings = head.get(WARNINGS)?.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect();
        let mut records = Vec::new();
        for stanza in stanzas {
            let stanza = stanza.ok()?;
            records.push(match stanza.get(INDEX) {
                Some(index) => Record::from_index(&stanza, &Arc::new(read_index(index)?)).ok()??,
                None => self.own(&stanza)?,
            });
        }
        Some(PackageChoice { records, warnings })
    }

    fn own(&self, stanza: &Stanza) -> Option<Record> {
        let name = stanza.get("Package")?;
        let mut files = self.packages.iter().flat_map(BuiltPackage::files);
        let BuiltFile { path, written, control, .. } = files.find(|file| file.control.get("Package") == Some(name))?;
        Record::from_local(control, path.to_owned(), written.sha256, written.size).ok()?
    }
}

fn chosen(universe: &Universe, wanted: &[Relations]) -> miette::Result<Vec<Record>> {
    Ok(solve(universe, wanted)?.into_iter().cloned().collect())
}

fn read_index(text: &str) -> Option<PackageIndex> {
    let mut words = text.split(' ').map(str::to_owned);
    Some(PackageIndex { base: words.next()?, suite: words.next()?, component: words.next()? })
}

/// A stanza for each package, after one with the warnings. `None` if a package cannot be written so that it is read again.
fn write(choice: &PackageChoice) -> Option<String> {
    let mut head = Stanza::default();
    head.set(WARNINGS, format!("\n{}", choice.warnings.join("\n")));
    let mut text = format!("{head}\n");
    for record in &choice.records {
        let mut stanza = record.stanza();
        match &record.origin {
            DebOrigin::Archive { index, .. } => {
                stanza.set(INDEX, format!("{} {} {}", index.base, index.suite, index.component));
            }
            DebOrigin::Local(_) => {
                stanza = Stanza::default();
                stanza.set("Package", record.name.as_str());
            }
        }
        if stanza.fields().any(|(_, value)| value.contains('\n')) {
            return None;
        }
        let _ = writeln!(text, "{stanza}");
    }
    Some(text)
}
