//! The metadata service of the provider, which gives the user data with its secrets to every process that asks for it from
//! the machine: who can ask.

use super::server::Server;

/// Link-local addresses of Linode's metadata service, IPv4 and IPv6.
pub const ADDRESSES: [&str; 2] = ["169.254.169.254", "fd00:a9fe:a9fe::1"];

/// Who must not ask: the app, nginx, PostgreSQL, and a user who has nothing to do with them.
const USERS: [&str; 4] = ["stack", "www-data", "postgres", "nobody"];

/// What a refused connection says (EACCES, by a rule of ip-rule(8) with `prohibit`).
const REFUSED: &str = "Permission denied";

/// Connects to an address, and prints `connected` or why not. `before` comes before the program.
fn connect(server: &impl Server, before: &str, address: &str) -> String {
    let script = format!(
        "import socket\ntry:\n    socket.create_connection((\"{address}\", 80), 5)\n    print(\"connected\")\n\
         except OSError as error:\n    print(error.strerror or error)"
    );
    server.sh(&format!("cd / && {before} python3 -c '{script}'"))
}

/// Nobody but root reaches the service. `answering` are the addresses at which there is one; the rules are there for both.
#[track_caller]
pub fn only_root_asks(server: &impl Server, answering: &[&str]) {
    for address in ADDRESSES {
        let by_root = connect(server, "", address);
        assert_eq!(by_root == "connected", answering.contains(&address), "{address}: {by_root}");
        assert!(!by_root.contains(REFUSED), "{address}: {by_root}");
        for user in USERS {
            let by_user = connect(server, &format!("runuser -u {user} --"), address);
            assert!(by_user.contains(REFUSED), "{user} at {address}: {by_user}");
        }
        // Another user in a namespace of its own, where it is root.
        let inside = "runuser -u stack -- unshare --user --map-root-user";
        assert!(connect(server, inside, address).contains(REFUSED), "{address}");
    }
    // Before anybody could ask.
    let times = server.sh("systemctl show -P ActiveEnterTimestampMonotonic metadata-for-root.service; \
         systemctl show -P ExecMainStartTimestampMonotonic systemd-networkd.service");
    let times: Vec<u64> = times.lines().map(|line| line.parse().unwrap()).collect();
    assert!(times[0] > 0 && times[0] <= times[1], "{times:?}");
}

/// Not even root does, in a unit of the app, of nginx or of PostgreSQL. Only a kernel of its own has the filters for that.
#[track_caller]
pub fn no_unit_asks(server: &impl Server, answering: &[&str]) {
    for unit in ["stack.service", "nginx.service", "postgresql@17-main.service"] {
        let enter = format!(
            "sh -c 'echo $$ >/sys/fs/cgroup$(systemctl show -P ControlGroup {unit})/cgroup.procs && exec \"$@\"' sh"
        );
        for address in answering {
            assert_eq!(connect(server, "", address), "connected");
            assert_ne!(connect(server, &enter, address), "connected", "{unit} at {address}");
        }
    }
}
