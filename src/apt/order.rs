//! The order in which packages are unpacked and configured on an empty system: a chosen set of
//! packages → steps for dpkg.
//!
//! A package that pre-depends on others is unpacked only after those are configured (Debian Policy 7.2). The first step
//! is the exception that every bootstrap has to make: the essential packages and their dependencies are unpacked
//! together, because none of their scripts runs without the others.

use std::mem;

use super::record::{Field, Record};
use super::solve::{DEEPEST, SolveError};
use super::universe::{Id, Universe};
use crate::control::Alternatives;

/// The largest number of rounds. Each unpacks the packages whose pre-dependencies are configured, or configures
/// such pre-dependencies.
const MOST_ROUNDS: usize = 2 * DEEPEST;

/// One call of dpkg, with the packages that it gets.
#[derive(Debug)]
pub enum InstallStep<'a> {
    /// Unpack these packages. Only the first such step needs `--force-depends`.
    Unpack(Vec<&'a Record>),
    /// Configure these packages, which are unpacked, in this order.
    Configure(Vec<&'a Record>),
}

/// Returns the steps that install `chosen` on an empty system. `chosen` must hold every dependency of its packages.
/// After the last step every package is configured. The same set gives the same steps, in whatever order it is passed.
///
/// # Errors
/// When a relation field of a package cannot be read, or a chain of pre-dependencies is longer than any archive's.
pub fn install_plan<'a>(chosen: &[&'a Record]) -> Result<Vec<InstallStep<'a>>, SolveError> {
    let mut plan = UnpackOrder::new(chosen)?;
    let essential = plan.select(|node| node.record.essential);
    let base = plan.closure(&essential, |_| true);
    plan.unpack(&base);
    plan.configure(&base);
    // Each round takes time for every package.
    for _ in 0..MOST_ROUNDS {
        let ready = plan.select(|node| node.state == UnpackState::Out && plan.may_be_unpacked(node));
        if !ready.is_empty() {
            plan.unpack(&ready);
            continue;
        }
        let waiting = plan.select(|node| node.state == UnpackState::Out);
        if waiting.is_empty() {
            let pending = plan.select(|node| node.state == UnpackState::Unpacked);
            plan.configure(&pending);
            return Ok(plan.steps);
        }
        let first = plan.unpacked_before(&waiting);
        if first.is_empty() {
            // These packages pre-depend on each other in a circle, so dpkg has to be forced here as well.
            plan.unpack(&waiting);
        } else {
            plan.configure(&first);
        }
    }
    let last = plan.nodes.iter().find(|node| node.state == UnpackState::Out);
    let package = last.map(|node| node.record.name.to_string()).unwrap_or_default();
    Err(SolveError::TooDeep { package })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum UnpackState {
    Out,
    Unpacked,
    Configured,
}

/// A package of the set. The others are named by their places in [`UnpackOrder::nodes`].
struct Node<'a> {
    record: &'a Record,
    /// For each relation, the packages of the set that satisfy it.
    pre_depends: Vec<Vec<usize>>,
    /// The same for `Depends`: each group of alternatives, as numbers of nodes.
    depends: Vec<Vec<usize>>,
    state: UnpackState,
}

struct UnpackOrder<'a> {
    /// Sorted by package name.
    nodes: Vec<Node<'a>>,
    /// For each package, those that need it.
    needed_by: Vec<Vec<usize>>,
    steps: Vec<InstallStep<'a>>,
}

impl Node<'_> {
    fn needed(&self) -> impl Iterator<Item = usize> + '_ {
        self.pre_depends.iter().chain(&self.depends).flatten().copied()
    }
}

impl<'a> UnpackOrder<'a> {
    fn new(chosen: &[&'a Record]) -> Result<Self, SolveError> {
        let mut records = chosen.to_vec();
        records.sort_by(|a, b| a.name.cmp(&b.name));
        records.dedup_by(|a, b| a.name == b.name);
        let copies = records.iter().map(|&record| record.clone()).collect();
        let universe = Universe::new(copies).map_err(SolveError::Index)?;
        let node = |record: &'a Record| {
            let pre_depends = satisfiers(&universe, record, Field::PreDepends)?;
            let depends = satisfiers(&universe, record, Field::Depends)?;
            Ok(Node { record, pre_depends, depends, state: UnpackState::Out })
        };
        let nodes = records.into_iter().map(node).collect::<Result<Vec<_>, SolveError>>()?;
        let mut needed_by = vec![Vec::new(); nodes.len()];
        for (place, node) in nodes.iter().enumerate() {
            for other in node.needed() {
                if let Some(places) = needed_by.get_mut(other) {
                    places.push(place);
                }
            }
        }
        Ok(Self { nodes, needed_by, steps: Vec::new() })
    }

    fn select(&self, wanted: impl Fn(&Node) -> bool) -> Vec<usize> {
        self.nodes.iter().enumerate().filter(|(_, node)| wanted(node)).map(|(place, _)| place).collect()
    }

    fn state(&self, place: usize) -> Option<UnpackState> {
        self.nodes.get(place).map(|node| node.state)
    }

    fn may_be_unpacked(&self, node: &Node) -> bool {
        let configured = |&other: &usize| self.state(other) == Some(UnpackState::Configured);
        node.pre_depends.iter().all(|group| group.is_empty() || group.iter().any(configured))
    }

    /// Returns what has to be configured next, so that one of the `waiting` packages can be unpacked: the
    /// pre-dependencies that are unpacked together with all that they need. If none of the pre-dependencies has all
    /// its dependencies unpacked, it returns those that are unpacked themselves.
    fn unpacked_before(&self, waiting: &[usize]) -> Vec<usize> {
        let nodes = waiting.iter().filter_map(|&place| self.nodes.get(place));
        let needed: Vec<usize> = nodes.flat_map(|node| node.pre_depends.iter().flatten().copied()).collect();
        let lacking = self.lacking();
        let is_whole = |place: &usize| lacking.get(*place) == Some(&false);
        let whole: Vec<usize> = needed.iter().copied().filter(is_whole).collect();
        self.closure(if whole.is_empty() { &needed } else { &whole }, |state| state == UnpackState::Unpacked)
    }

    /// For each package, whether it or something that it needs, at whatever distance, is not unpacked.
    fn lacking(&self) -> Vec<bool> {
        let mut lacking = vec![false; self.nodes.len()];
        let mut todo = self.select(|node| node.state == UnpackState::Out);
        while let Some(place) = todo.pop() {
            if lacking.get_mut(place).is_some_and(|seen| !mem::replace(seen, true)) {
                todo.extend(self.needed_by.get(place).into_iter().flatten());
            }
        }
        lacking
    }

    /// Returns `starts` and all that they depend on, each after its dependencies, except within a circle. Packages
    /// whose state is not `wanted` are left out, with what only they depend on.
    fn closure(&self, starts: &[usize], wanted: impl Fn(UnpackState) -> bool) -> Vec<usize> {
        let mut seen = vec![false; self.nodes.len()];
        let mut enter = |place: usize| {
            let node = self.nodes.get(place).filter(|node| wanted(node.state))?;
            let was_seen = mem::replace(seen.get_mut(place)?, true);
            (!was_seen).then(|| (place, node.needed()))
        };
        let mut order = Vec::new();
        // The search goes depth first. Each entry is a package with the dependencies that are still to be visited.
        let mut stack = Vec::new();
        for &start in starts {
            stack.extend(enter(start));
            while let Some((place, needed)) = stack.last_mut() {
                match needed.next() {
                    Some(other) => stack.extend(enter(other)),
                    None => {
                        order.push(*place);
                        stack.pop();
                    }
                }
            }
        }
        order
    }

    fn unpack(&mut self, places: &[usize]) {
        let records = self.set(places, UnpackState::Unpacked);
        if records.is_empty() {
            return;
        }
        match self.steps.last_mut() {
            Some(InstallStep::Unpack(before)) => before.extend(records),
            _ => self.steps.push(InstallStep::Unpack(records)),
        }
    }

    fn configure(&mut self, places: &[usize]) {
        let ordered = self.closure(places, |state| state == UnpackState::Unpacked);
        let records = self.set(&ordered, UnpackState::Configured);
        if !records.is_empty() {
            self.steps.push(InstallStep::Configure(records));
        }
    }

    /// Gives packages a new state and returns their records.
    fn set(&mut self, places: &[usize], state: UnpackState) -> Vec<&'a Record> {
        let mut records = Vec::with_capacity(places.len());
        for &place in places {
            if let Some(node) = self.nodes.get_mut(place) {
                node.state = state;
                records.push(node.record);
            }
        }
        records
    }
}

/// For each relation of a field, the packages of the set that satisfy it.
fn satisfiers(universe: &Universe, record: &Record, field: Field) -> Result<Vec<Vec<usize>>, SolveError> {
    let relations = record.relations(field).map_err(|source| SolveError::Relation {
        package: record.name.to_string(),
        field: field.as_str(),
        source,
    })?;
    let members = |group: &Alternatives| {
        group.0.iter().flat_map(|relation| universe.satisfying(relation)).map(Id::index).collect()
    };
    Ok(relations.0.iter().map(members).collect())
}

#[cfg(test)]
mod tests {
    use super::super::universe::tests::universe;
    use super::*;

    fn plan(stanzas: &[&str]) -> Vec<String> {
        let universe = universe(stanzas);
        let chosen: Vec<&Record> = universe.records().iter().collect();
        let name =
            |records: &[&Record]| records.iter().map(|record| record.name.as_str()).collect::<Vec<_>>().join(" ");
        let steps = install_plan(&chosen).unwrap();
        steps
            .iter()
            .map(|step| match step {
                InstallStep::Unpack(records) => format!("unpack {}", name(records)),
                InstallStep::Configure(records) => format!("configure {}", name(records)),
            })
            .collect()
    }

    #[test]
    fn essential_packages_come_first_and_the_rest_at_once() {
        let steps = plan(&[
            "Package: base-files\nEssential: yes\nPre-Depends: awk",
            "Package: mawk\nProvides: awk\nPre-Depends: libc6",
            "Package: libc6",
            "Package: bb\nDepends: cc",
            "Package: cc\nDepends: bb, dd",
            "Package: dd",
        ]);
        assert_eq!(
            steps,
            [
                "unpack libc6 mawk base-files",
                "configure libc6 mawk base-files",
                "unpack bb cc dd",
                "configure dd cc bb"
            ]
        );
    }

    #[test]
    fn what_is_depended_on_beforehand_is_configured_beforehand() {
        let steps = plan(&[
            "Package: aa\nPre-Depends: bb",
            "Package: bb\nDepends: cc",
            "Package: cc",
            "Package: dd\nPre-Depends: aa",
            "Package: ee",
        ]);
        assert_eq!(
            steps,
            ["unpack bb cc ee", "configure cc bb", "unpack aa", "configure aa", "unpack dd", "configure dd ee"]
        );
    }

    /// Each package is named as wanted, so the solver does not walk down the chain.
    #[test]
    fn a_chain_of_pre_dependencies_has_an_end() {
        let chain = |length: usize| -> Vec<String> {
            let one = |number: usize| match number.checked_sub(1) {
                Some(before) => format!("Package: p{number:05}\nPre-Depends: p{before:05}"),
                None => "Package: p00000".to_owned(),
            };
            (0..length).map(one).collect()
        };
        let plan = |length: usize| {
            let stanzas = chain(length);
            let universe = universe(&stanzas.iter().map(String::as_str).collect::<Vec<_>>());
            let chosen: Vec<&Record> = universe.records().iter().collect();
            install_plan(&chosen).map(|steps| steps.len())
        };
        assert_eq!(plan(DEEPEST).unwrap(), 2 * DEEPEST);
        let error = plan(3 * DEEPEST).unwrap_err().to_string();
        assert!(error.contains("more than 1000 packages deep"), "{error}");
    }

    #[test]
    fn a_circle_of_pre_dependencies_ends() {
        let steps = plan(&["Package: aa\nPre-Depends: bb", "Package: bb\nPre-Depends: aa"]);
        assert_eq!(steps, ["unpack aa bb", "configure bb aa"]);
    }
}
