//! Packages of Debian 13 that the images do not have, from this machine's mirror: for a container, which has no way out.

use std::path::PathBuf;

use stackdeb::apt::{OlderRelease, Suite, pool, solve};
use stackdeb::build::archive::Repository;
use stackdeb::control::Relations;
use stackdeb::system::cache::Cache;
use stackdeb::system::progress::Reporter;

use crate::server::Server;
use crate::text;

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
    let mut missing = Vec::new();
    for path in packages {
        let mut dpkg = std::process::Command::new("dpkg-deb");
        let name = text(&dpkg.args(["-f"]).arg(path).arg("Package").output().unwrap()).trim().to_owned();
        let status = server.try_sh(&format!("dpkg-query -W -f '${{db:Status-Status}}' {name}")).stdout;
        if status != b"installed" {
            server.copy(path);
            missing.push(path.file_name().unwrap().to_string_lossy().into_owned());
        }
    }
    if !missing.is_empty() {
        let files = missing.join(" ");
        server
            .sh(&format!("cd /root && DEBIAN_FRONTEND=noninteractive dpkg --force-unsafe-io -i {files} && rm {files}"));
    }
}
