//! In which order packages are unpacked and configured on an empty system: a chosen set comes in, steps for dpkg go out.
//!
//! A package that pre-depends on others is unpacked only when those are configured (Debian Policy 7.2). The first step is
//! the exception that every bootstrap has to make: the essential packages, with what they depend on, are unpacked together,
//! because not one of their scripts runs without the others.

use super::record::{Field, Record};
use super::solve::SolveError;
use super::universe::{Id, Universe};
use crate::control::Alternatives;

/// What dpkg has to do next.
#[derive(Debug)]
pub enum InstallStep<'a> {
    /// To unpack these. The first such step needs `--force-depends`.
    Unpack(Vec<&'a Record>),
    /// To configure these, which are unpacked, in this order.
    Configure(Vec<&'a Record>),
}

/// The steps that bring `chosen`, a whole set that needs nothing else, onto an empty system. After the last one every
/// package is configured. The order depends on the set alone, not on the order it is given in.
///
/// # Errors
/// When a relation field cannot be read.
pub fn install_plan<'a>(chosen: &[&'a Record]) -> Result<Vec<InstallStep<'a>>, SolveError> {
    let mut plan = Plan::new(chosen)?;
    let essential: Vec<usize> =
        plan.in_state(State::Out).into_iter().filter(|&at| plan.records[at].essential).collect();
    let base = plan.closure(&essential, |_| true);
    plan.unpack(&base);
    plan.configure(&base);
    loop {
        let remaining: Vec<usize> = plan.in_state(State::Out);
        if remaining.is_empty() {
            break;
        }
        let (ready, waiting): (Vec<usize>, Vec<usize>) = remaining.iter().partition(|&&at| plan.may_be_unpacked(at));
        if !ready.is_empty() {
            plan.unpack(&ready);
            continue;
        }
        let needed: Vec<usize> =
            waiting.iter().flat_map(|&at| plan.pre_depends[at].iter().flatten().copied()).collect();
        let whole: Vec<usize> = needed
            .iter()
            .copied()
            .filter(|&at| plan.closure(&[at], |_| true).iter().all(|&other| plan.states[other] != State::Out))
            .collect();
        let first = plan.closure(if whole.is_empty() { &needed } else { &whole }, |state| state == State::Unpacked);
        if first.is_empty() {
            // Packages that pre-depend on each other in a circle: dpkg has to be forced here as well.
            plan.unpack(&waiting);
        } else {
            plan.configure(&first);
        }
    }
    let pending = plan.in_state(State::Unpacked);
    plan.configure(&pending);
    Ok(plan.steps)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Out,
    Unpacked,
    Configured,
}

struct Plan<'a> {
    /// By name.
    records: Vec<&'a Record>,
    /// For each package, for each relation, the packages of the set that satisfy it.
    pre_depends: Vec<Vec<Vec<usize>>>,
    depends: Vec<Vec<Vec<usize>>>,
    states: Vec<State>,
    steps: Vec<InstallStep<'a>>,
}

impl<'a> Plan<'a> {
    fn new(chosen: &[&'a Record]) -> Result<Self, SolveError> {
        let mut records = chosen.to_vec();
        records.sort_by(|a, b| a.name.cmp(&b.name));
        records.dedup_by(|a, b| a.name == b.name);
        let copies = records.iter().map(|&record| record.clone()).collect();
        let universe = Universe::new(copies).map_err(SolveError::Index)?;
        let read = |field| records.iter().map(|record| satisfiers(&universe, record, field)).collect::<Result<_, _>>();
        let (pre_depends, depends) = (read(Field::PreDepends)?, read(Field::Depends)?);
        let states = vec![State::Out; records.len()];
        Ok(Self { pre_depends, depends, states, steps: Vec::new(), records })
    }

    fn in_state(&self, wanted: State) -> Vec<usize> {
        (0..self.records.len()).filter(|&at| self.states[at] == wanted).collect()
    }

    fn may_be_unpacked(&self, at: usize) -> bool {
        self.pre_depends[at]
            .iter()
            .all(|group| group.is_empty() || group.iter().any(|&other| self.states[other] == State::Configured))
    }

    /// `starts` and all that they depend on, each after what it depends on where there is no circle. Only packages in a
    /// `wanted` state are looked at.
    fn closure(&self, starts: &[usize], wanted: impl Fn(State) -> bool) -> Vec<usize> {
        let mut seen = vec![false; self.records.len()];
        let mut order = Vec::new();
        // Each entry: a package, and which of its dependencies comes next.
        let mut stack: Vec<(usize, usize)> = Vec::new();
        for &start in starts {
            if !seen[start] && wanted(self.states[start]) {
                seen[start] = true;
                stack.push((start, 0));
            }
            while let Some((at, next)) = stack.pop() {
                let mut needed = self.pre_depends[at].iter().chain(&self.depends[at]).flatten();
                match needed.nth(next) {
                    None => order.push(at),
                    Some(&other) => {
                        stack.push((at, next + 1));
                        if !seen[other] && wanted(self.states[other]) {
                            seen[other] = true;
                            stack.push((other, 0));
                        }
                    }
                }
            }
        }
        order
    }

    fn unpack(&mut self, packages: &[usize]) {
        if packages.is_empty() {
            return;
        }
        let records: Vec<&Record> = packages.iter().map(|&at| self.records[at]).collect();
        packages.iter().for_each(|&at| self.states[at] = State::Unpacked);
        match self.steps.last_mut() {
            Some(InstallStep::Unpack(before)) => before.extend(records),
            _ => self.steps.push(InstallStep::Unpack(records)),
        }
    }

    fn configure(&mut self, packages: &[usize]) {
        let ordered = self.closure(packages, |state| state == State::Unpacked);
        if ordered.is_empty() {
            return;
        }
        let records = ordered.iter().map(|&at| self.records[at]).collect();
        ordered.iter().for_each(|&at| self.states[at] = State::Configured);
        self.steps.push(InstallStep::Configure(records));
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

    #[test]
    fn a_circle_of_pre_dependencies_ends() {
        let steps = plan(&["Package: aa\nPre-Depends: bb", "Package: bb\nPre-Depends: aa"]);
        assert_eq!(steps, ["unpack aa bb", "configure bb aa"]);
    }
}
