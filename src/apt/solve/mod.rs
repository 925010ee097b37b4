//! The solver: relations that are wanted → the packages that satisfy them, with all dependencies. The result is the
//! same as that of `apt-get --no-install-recommends` on an empty system.
//!
//! The search goes depth first, as apt's does. If one of several alternatives is chosen already, it is used; otherwise
//! the first one is taken that can be installed and does not conflict with a chosen package. apt follows the dependencies of
//! a package in their order; where an alternative that it took first turns out to conflict with what comes later, it drops that
//! again. This solver then begins the whole search again, and chooses dependencies without alternatives before those with
//! alternatives. The result is the same.

mod asked_for;
mod error;
mod needs;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::rc::Rc;

use super::record::Record;
use super::universe::{Id, Universe};
use crate::control::{Alternatives, Relation, Relations};
use crate::system::interrupt;
use error::{MOST_ATTEMPTS, MOST_NEEDS, Trouble, add_reason, shortened};
use needs::PackageNeeds;

pub use asked_for::unasked;
pub(super) use error::DEEPEST;
pub use error::SolveError;

/// Finds the packages that satisfy all of `wanted`, with their dependencies, sorted by name. Packages that are wanted
/// by name are chosen first, so that they decide between alternatives.
///
/// # Errors
/// When there is no such set. The error names the relations that lead to the conflict.
pub fn solve<'a>(universe: &'a Universe, wanted: &[Relations]) -> Result<Vec<&'a Record>, SolveError> {
    match solve_in(Order::Written, universe, wanted) {
        Err(SolveError::Unsatisfiable { .. }) => solve_in(Order::CertainFirst, universe, wanted),
        outcome => outcome,
    }
}

/// In which order the dependencies of a package are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// The order in which the fields name them, which is apt's.
    Written,
    /// Those without alternatives first, so that they decide between the alternatives of the others.
    CertainFirst,
}

fn solve_in<'a>(order: Order, universe: &'a Universe, wanted: &[Relations]) -> Result<Vec<&'a Record>, SolveError> {
    let mut search = PackageSearch {
        order,
        universe,
        states: vec![SearchState::Out; universe.len()],
        trail: Vec::new(),
        needs: HashMap::new(),
        kept: 0,
        forbidden: HashMap::new(),
        reasons: HashMap::new(),
        hopeless: HashMap::new(),
        attempts: 0,
        path: Vec::new(),
    };
    let groups: Vec<&Alternatives> = wanted.iter().flat_map(|relations| &relations.0).collect();
    for group in &groups {
        if let [relation] = group.0.as_slice() {
            let found = universe.satisfying(relation);
            if let Some(&id) = found.first().filter(|&&id| universe.record(id).name == relation.name) {
                search.choose(id, None).map_err(|trouble| trouble.into_error(group))?;
            }
        }
    }
    for group in &groups {
        search.satisfy(group, None).map_err(|trouble| trouble.into_error(group))?;
        let chosen: Vec<Id> = search.chosen_of(group);
        for id in chosen {
            search.expand(id).map_err(|trouble| trouble.into_error(group))?;
        }
    }
    let chosen = universe.records().iter().zip(&search.states).filter(|(_, state)| **state != SearchState::Out);
    Ok(chosen.map(|(record, _)| record).collect())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SearchState {
    Out,
    Chosen,
    /// Chosen, and its dependencies are chosen too or are being chosen.
    Expanded,
}

struct PackageSearch<'a> {
    order: Order,
    universe: &'a Universe,
    states: Vec<SearchState>,
    /// All changes of `states`, to undo them: the package and its previous state.
    trail: Vec<(Id, SearchState)>,
    needs: HashMap<Id, Rc<PackageNeeds>>,
    /// How many relations and packages `needs` holds.
    kept: usize,
    /// For each package, those that conflict with it and were looked at in this search.
    forbidden: HashMap<Id, Vec<Id>>,
    /// For each chosen package, the one that depends on it; `None` if the package was wanted by name.
    reasons: HashMap<Id, Option<Id>>,
    /// The packages that cannot be installed, whatever else is chosen, with the relations that lead to the cause.
    hopeless: HashMap<Id, Vec<String>>,
    attempts: usize,
    /// The packages whose dependencies are being chosen, each a dependency of the one before.
    path: Vec<Id>,
}

impl PackageSearch<'_> {
    /// Chooses one of the alternatives with its dependencies. `by` is the package that depends on them.
    fn satisfy(&mut self, group: &Alternatives, by: Option<Id>) -> Result<(), Trouble> {
        if !self.chosen_of(group).is_empty() {
            return Ok(());
        }
        let mut first: Option<Trouble> = None;
        let mut could_be_otherwise = false;
        for id in group.0.iter().flat_map(|relation| self.universe.satisfying(relation)) {
            let mark = self.trail.len();
            match self.choose(id, by).and_then(|()| self.expand(id)) {
                Ok(()) => return Ok(()),
                Err(Trouble::Unsatisfiable { chain, depends_on_choices }) => {
                    self.undo(mark);
                    could_be_otherwise |= depends_on_choices;
                    first.get_or_insert(Trouble::Unsatisfiable { chain, depends_on_choices });
                }
                Err(other) => return Err(other),
            }
        }
        match first {
            Some(Trouble::Unsatisfiable { chain, .. }) => {
                Err(Trouble::Unsatisfiable { chain, depends_on_choices: could_be_otherwise })
            }
            Some(other) => Err(other),
            None => Err(Trouble::Unsatisfiable { chain: vec![self.explain_absence(group)], depends_on_choices: false }),
        }
    }

    /// Chooses a package, without its dependencies, if it does not conflict with a chosen one.
    fn choose(&mut self, id: Id, by: Option<Id>) -> Result<(), Trouble> {
        if self.state(id) != SearchState::Out {
            return Ok(());
        }
        if let Some(chain) = self.hopeless.get(&id) {
            return Err(Trouble::Unsatisfiable { chain: chain.clone(), depends_on_choices: false });
        }
        if interrupt::requested() {
            return Err(Trouble::Error(interrupt::Interrupted.into()));
        }
        self.attempts = self.attempts.saturating_add(1);
        let needs = self.needs(id)?;
        let rival = needs.against.iter().copied().find(|&other| self.state(other) != SearchState::Out);
        let rival = match rival {
            Some(other) => Some((id, other)),
            None => self.forbidden_by(id).map(|other| (other, id)),
        };
        if let Some((whose, with)) = rival {
            let other = if whose == id { with } else { whose };
            let text = format!("{} conflicts with {}{}", self.name(whose), self.name(with), self.why(other));
            if self.attempts > MOST_ATTEMPTS {
                return Err(Trouble::TooHard(vec![text]));
            }
            return Err(Trouble::Unsatisfiable { chain: vec![text], depends_on_choices: true });
        }
        self.set(id, SearchState::Chosen);
        self.reasons.insert(id, by);
        Ok(())
    }

    /// Returns a chosen package that declares a conflict with `id`.
    fn forbidden_by(&self, id: Id) -> Option<Id> {
        self.forbidden.get(&id)?.iter().copied().find(|&other| self.state(other) != SearchState::Out)
    }

    /// Chooses the dependencies of a chosen package.
    fn expand(&mut self, id: Id) -> Result<(), Trouble> {
        if self.state(id) == SearchState::Expanded {
            return Ok(());
        }
        self.set(id, SearchState::Expanded);
        self.path.push(id);
        if self.path.len() > DEEPEST {
            let first = self.path.first().map_or(id, |first| *first);
            return Err(Trouble::Error(SolveError::TooDeep { package: self.name(first) }));
        }
        let outcome = self.choose_dependencies(id);
        self.path.pop();
        outcome
    }

    fn choose_dependencies(&mut self, id: Id) -> Result<(), Trouble> {
        let needs = self.needs(id)?;
        let certain_first = self.order == Order::CertainFirst;
        let certain = needs.depends.iter().filter(|_| certain_first);
        for (group, only) in certain.filter_map(|(group, only)| Some((group, (*only)?))) {
            self.choose(only, Some(id)).map_err(|trouble| self.lengthen(trouble, id, group))?;
        }
        for (group, only) in &needs.depends {
            let outcome = match *only {
                Some(only) => self.choose(only, Some(id)).and_then(|()| self.expand(only)),
                None => self.satisfy(group, Some(id)),
            };
            outcome.map_err(|trouble| self.lengthen(trouble, id, group))?;
        }
        Ok(())
    }

    /// Puts "`id` depends on `group`" before the chain of relations, and remembers packages
    /// that can never be installed.
    fn lengthen(&mut self, trouble: Trouble, id: Id, group: &Alternatives) -> Trouble {
        match trouble {
            Trouble::Unsatisfiable { mut chain, depends_on_choices } => {
                add_reason(&mut chain, format!("{} depends on {group}", self.name(id)));
                if !depends_on_choices {
                    self.hopeless.insert(id, chain.clone());
                }
                Trouble::Unsatisfiable { chain, depends_on_choices }
            }
            other => other,
        }
    }

    /// Returns all chosen packages that satisfy the group.
    fn chosen_of(&self, group: &Alternatives) -> Vec<Id> {
        let all = group.0.iter().flat_map(|relation| self.universe.satisfying(relation));
        all.filter(|&id| self.state(id) != SearchState::Out).collect()
    }

    /// Returns what a package needs. Its fields are parsed at the first call only.
    fn needs(&mut self, id: Id) -> Result<Rc<PackageNeeds>, Trouble> {
        if let Some(needs) = self.needs.get(&id) {
            return Ok(Rc::clone(needs));
        }
        let needs = Rc::new(PackageNeeds::of(self.universe, id)?);
        self.kept = self.kept.saturating_add(needs.count());
        if self.kept > MOST_NEEDS {
            return Err(Trouble::Error(SolveError::TooMuch { package: self.name(id) }));
        }
        for &other in &needs.against {
            self.forbidden.entry(other).or_default().push(id);
        }
        self.needs.insert(id, Rc::clone(&needs));
        Ok(needs)
    }

    fn state(&self, id: Id) -> SearchState {
        self.states.get(id.index()).copied().unwrap_or(SearchState::Out)
    }

    fn set(&mut self, id: Id, state: SearchState) {
        self.trail.push((id, self.state(id)));
        self.put(id, state);
    }

    fn put(&mut self, id: Id, state: SearchState) {
        if let Some(slot) = self.states.get_mut(id.index()) {
            *slot = state;
        }
    }

    fn undo(&mut self, mark: usize) {
        while self.trail.len() > mark {
            if let Some((id, state)) = self.trail.pop() {
                self.put(id, state);
            }
        }
    }

    fn name(&self, id: Id) -> String {
        let record = self.universe.record(id);
        format!("{} {}", record.name, record.version)
    }

    fn why(&self, id: Id) -> String {
        match self.reasons.get(&id) {
            Some(Some(by)) => format!(", which {} depends on", self.name(*by)),
            Some(None) => ", which is wanted too".to_owned(),
            None => String::new(),
        }
    }

    fn explain_absence(&self, group: &Alternatives) -> String {
        let explain = |relation: &Relation| match self.universe.candidate(relation.name.as_str()) {
            Some(record) => format!("{} has only the version {}", record.name, record.version),
            None => format!("there is no package {}", relation.name),
        };
        shortened(group.0.iter().map(explain).collect::<Vec<_>>().join(", and "))
    }
}
