//! Packages of Debian 13 that the images do not have, from this machine's mirror: for a container, which has no way out.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use stackdeb::apt::{OlderRelease, Suite, pool, solve};
use stackdeb::build::archive::Repository;
use stackdeb::control::Relations;
use stackdeb::system::cache::Cache;
use stackdeb::system::progress::Reporter;

use crate::run;
use crate::server::Server;

/// Downloads packages with all that they depend on, if they are not in the cache. To be called while there is a network.
pub fn download(names: &str) -> Vec<PathBuf> {
    let repository = Repository::for_tool(Suite::find("trixie").unwrap(), Reporter::Silent).unwrap();
    let cache = Cache::open().unwrap();
    let archive = repository.open(&cache, OlderRelease::Accepted).unwrap();
    let wanted: Relations = names.parse().unwrap();
    let chosen = solve(&archive.universe, &[wanted]).unwrap();
    pool::download(&cache, &repository.client, &chosen).unwrap()
}

/// Installs those that the server does not have.
pub fn install(server: &impl Server, packages: &[PathBuf]) {
    let missing = missing(server, packages);
    if !missing.is_empty() {
        missing.iter().for_each(|path| server.copy(path));
        let files: Vec<_> = missing.iter().map(|path| path.file_name().unwrap().to_string_lossy()).collect();
        let files = files.join(" ");
        server
            .sh(&format!("cd /root && DEBIAN_FRONTEND=noninteractive dpkg --force-unsafe-io -i {files} && rm {files}"));
    }
}

/// Makes an archive of them the only one of the server's apt.
pub fn offer(server: &impl Server, packages: &[PathBuf]) {
    let folder = tempfile::tempdir().unwrap();
    for path in missing(server, packages) {
        fs::copy(path, folder.path().join(path.file_name().unwrap())).unwrap();
        server.copy(path);
    }
    let index = run(Command::new("dpkg-scanpackages").args(["--multiversion", "."]).current_dir(folder.path()));
    fs::write(folder.path().join("Packages"), index).unwrap();
    server.copy(&folder.path().join("Packages"));
    server.sh("mkdir /srv/archive && mv /root/*.deb /root/Packages /srv/archive
        rm -f /etc/apt/sources.list /etc/apt/sources.list.d/*
        echo 'deb [trusted=yes] file:/srv/archive ./' >/etc/apt/sources.list && apt-get update");
}

/// Those that the server has not installed.
fn missing<'a>(server: &impl Server, packages: &'a [PathBuf]) -> Vec<&'a PathBuf> {
    let told = server.sh("dpkg-query -W -f '${Package} ${db:Status-Status}\n'");
    let installed: BTreeSet<&str> = told.lines().filter_map(|line| line.strip_suffix(" installed")).collect();
    let name = |path: &PathBuf| run(Command::new("dpkg-deb").arg("-f").arg(path).arg("Package"));
    packages.iter().filter(|path| !installed.contains(name(path).trim())).collect()
}
