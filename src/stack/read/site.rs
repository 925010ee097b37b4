//! The table `[site]`: the nginx site in front of the application.

use std::path::Path;

use miette::Diagnostic;

use super::app::REPORT;
use super::table::Table;
use super::tls;
use crate::stack::Pattern;
use crate::stack::site::{Site, StaticFiles};
use crate::stack::values::{files, host, network, size};

/// A list of server names that is empty.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[error("is an empty list")]
#[diagnostic(help("name the site's hosts, or leave the key out: the site then answers to every name"))]
struct NoServerNames;

/// A path that nginx serves for another purpose.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[error("`{0}` holds `{1}`, which is not a file")]
#[diagnostic(help("choose another path: \"/static/\""))]
struct TakenPath(String, &'static str);

/// Two entries with one path.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[error("`{0}` is the path of another entry as well")]
#[diagnostic(help("give each folder a path of its own, or put the files into one folder"))]
struct SamePath(String);

/// Where a certificate authority asks for its files (RFC 8555, 8.3).
const CHALLENGES: &str = "/.well-known/acme-challenge/";

/// Reads `[site]`; `None` where a problem has been noted. `built` is the app's folder if a command is run in it when the package
/// is built: that may make folders.
pub(super) fn site(mut table: Table<'_>, project: &Path, built: Option<&Path>) -> Option<Site> {
    let port = table.number("port");
    let names = table.checked_list("server-names", host::server_name);
    if let Some(empty) = names.as_ref().filter(|names| names.value.is_empty()) {
        table.problems.add(&empty.place, NoServerNames);
    }
    let max_body_size = table.checked_or_default("max-body-size", size::body_size);
    let tls = tls::read(&mut table, port, names.as_ref().map(|names| names.value.as_slice()));
    let behind = read_behind(&mut table);
    let static_files = read_static(&mut table, project, built);
    table.finish();
    Some(Site {
        port: port?,
        server_names: names?.value,
        max_body_size: max_body_size?,
        static_files: static_files?,
        tls: tls?,
        behind,
    })
}

/// The network that Linode's NodeBalancers connect from, when they reach an instance by its private address.
const NODEBALANCERS: &str = "192.168.255.0/24";

/// Reads the networks of balancers.
fn read_behind(site: &mut Table<'_>) -> Vec<String> {
    if site.has_word("behind") {
        return vec![NODEBALANCERS.to_owned()];
    }
    site.checked_list("behind", network::network).map(|list| list.value).unwrap_or_default()
}

/// Reads `[[site.static]]`; `None` where a problem has been noted.
fn read_static(site: &mut Table<'_>, project: &Path, built: Option<&Path>) -> Option<Vec<StaticFiles>> {
    let mut read: Vec<Option<StaticFiles>> = Vec::new();
    for mut table in site.optional_tables("static") {
        let place = table.place().clone();
        let path = table.required_text("path", host::folder_path);
        let folder = table.required_text("folder", |text| files::static_folder(text, project, built));
        let hashed = table.checked_list("hashed", Pattern::parse).map(|list| list.value).unwrap_or_default();
        if let Some(path) = &path {
            let taken =
                [REPORT, CHALLENGES].into_iter().find(|taken| taken.starts_with(path) || path.starts_with(taken));
            if let Some(taken) = taken {
                table.problems.add(&place, TakenPath(path.clone(), taken));
            }
            if read.iter().flatten().any(|other| other.path == *path) {
                table.problems.add(&place, SamePath(path.clone()));
            }
        }
        table.finish();
        read.push(path.zip(folder).map(|(path, folder)| StaticFiles { path, folder, hashed }));
    }
    read.into_iter().collect()
}
