//! Whether several stacks can be on one machine: two stacks → the reason why not. A package finds out by itself only when it
//! is installed, and nginx when it is started.

use miette::Diagnostic;

use super::{FurtherContent, FurtherFile, Listen, Stack};

/// Why two stacks cannot be on one machine. `one` and `other` are their folders.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum Clash {
    #[error("{one} and {other} are both called `{name}`, and so are their user, socket, units and folders")]
    #[diagnostic(help("give one of them another name: [package] name"))]
    Package { name: String, one: String, other: String },
    #[error("{one} and {other} both make a package `{name}`")]
    #[diagnostic(help("give one of them another name: the key `name` below [[package]]"))]
    Packages { name: String, one: String, other: String },
    #[error("{one} and {other} both have the unit `{name}`")]
    #[diagnostic(help("give the worker or the timer another name, or one of the packages"))]
    Unit { name: String, one: String, other: String },
    #[error("{one} and {other} both have the database `{name}`")]
    #[diagnostic(help("give one of them another one: [database] name"))]
    Database { name: String, one: String, other: String },
    #[error("{one} and {other} both install {path}: each with a [[file]]")]
    #[diagnostic(help("dpkg allows no file in two packages: give one of them another path, or leave it out"))]
    FurtherFile { path: String, one: String, other: String },
    #[error("{one} and {other} both answer to every name at port {port}")]
    #[diagnostic(help("name the hosts of one of them: [site] server-names; or give it another port"))]
    Port { port: u16, one: String, other: String },
    #[error("{one} and {other} both answer to the name `{name}` at port {port}")]
    #[diagnostic(help(
        "nginx would serve one of the two alone: take the name out of the [site] server-names of the other"
    ))]
    ServerName { name: String, port: u16, one: String, other: String },
    #[error("{one} and {other} both need the port {port} of the loopback")]
    #[diagnostic(help("give the app of one of them another one: [app] port"))]
    AppPort { port: u16, one: String, other: String },
    #[error("{one} is for the suite {suite}, and {other} for {different}")]
    #[diagnostic(help("one image has one suite: change [image] suite of one of them"))]
    Suite { suite: String, different: String, one: String, other: String },
}

/// Checks each stack against each other one.
///
/// # Errors
/// With the first reason why two of them cannot be on one machine.
pub fn fit_together(stacks: &[Stack]) -> Result<(), Clash> {
    for (place, stack) in stacks.iter().enumerate() {
        for earlier in stacks.iter().take(place) {
            fit(earlier, stack)?;
        }
    }
    Ok(())
}

fn fit(stack: &Stack, another: &Stack) -> Result<(), Clash> {
    let [one, other] = [stack, another].map(|stack| stack.folder.display().to_string());
    if stack.package.name == another.package.name {
        return Err(Clash::Package { name: stack.package.name.to_string(), one, other });
    }
    let units: Vec<String> = stack.units().into_iter().map(|unit| unit.name).collect();
    if let Some(same) = another.units().into_iter().find(|unit| units.contains(&unit.name)) {
        return Err(Clash::Unit { name: same.name, one, other });
    }
    if let (Some(database), Some(second)) = (&stack.database, &another.database)
        && database.name == second.name
    {
        return Err(Clash::Database { name: database.name.clone(), one, other });
    }
    if let Some(name) = stack.package_names().find(|name| another.package_names().any(|second| second == *name)) {
        return Err(Clash::Packages { name: name.to_string(), one, other });
    }
    let is_folder = |file: &FurtherFile| matches!(file.content, FurtherContent::Folder { .. });
    for file in stack.all_further_files() {
        let mut same = another.all_further_files().filter(|second| second.path == file.path);
        if same.any(|second| !is_folder(file) || !is_folder(second)) {
            return Err(Clash::FurtherFile { path: file.path.clone(), one, other });
        }
    }
    let (site, second) = (&stack.site, &another.site);
    if let Some(port) = site.ports().into_iter().find(|port| second.ports().contains(port)) {
        if site.answers_to_every_name() && second.answers_to_every_name() {
            return Err(Clash::Port { port, one, other });
        }
        if let Some(name) = site.server_names.iter().find(|name| second.server_names.contains(name)) {
            return Err(Clash::ServerName { name: name.clone(), port, one, other });
        }
    }
    // nginx listens on all addresses, so an app's port is not for another stack's site either.
    let app_port = |stack: &Stack| match stack.app.kind.listen() {
        Some(Listen::Port(port)) => Some(port),
        _ => None,
    };
    let own = app_port(stack).filter(|port| app_port(another) == Some(*port) || second.ports().contains(port));
    let others = app_port(another).filter(|port| site.ports().contains(port));
    if let Some(port) = own.or(others) {
        return Err(Clash::AppPort { port, one, other });
    }
    let (suite, different) = (&stack.image.suite, &another.image.suite);
    if suite != different {
        return Err(Clash::Suite { suite: suite.clone(), different: different.clone(), one, other });
    }
    Ok(())
}
