//! How many requests a second the app serves in a virtual machine, with the package and with a set-up by hand. The
//! machine boots the image with the package. The set-up by hand is a second site there: `proxy_pass` to one worker of
//! the class sync (`gunicorn -b 0.0.0.0:5000 app:app`), with the same app and database. wrk runs outside the machine.
//!
//! Without hardware virtualisation only the ratios are meaningful: a real server is much faster.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    reason = "a benchmark ends in a panic when something is not as it should be"
)]

use support::machine::Machine;
use support::server::Server;
use support::wrk::{self, Load};
use support::{Built, built, kept};

const LOAD: Load = Load { connections: 16, seconds: 10, rounds: 3 };

const BY_HAND: &str = "systemctl stop stack-health.timer
systemd-run --quiet --unit=by-hand -p User=stack -p WorkingDirectory=/usr/share/stack \
  --setenv=PYTHONDONTWRITEBYTECODE=1 gunicorn -b 0.0.0.0:5000 app:app
cat >/etc/nginx/conf.d/by-hand.conf <<'END'
server { listen 80; server_name by-hand; location / { proxy_pass http://127.0.0.1:5000; } }
END
nginx -q -t && systemctl reload nginx";

fn main() {
    let image = built(Built::Image).join("stack-1.0.0-linode.img.gz");
    let machine = Machine::boot(&image, &kept().join("bench-machine"), "bench");
    machine.system_state();
    machine.sh(BY_HAND);
    let ours = vec![machine.url.clone()];
    let theirs = vec![machine.url.clone(), "--header".to_owned(), "Host: by-hand".to_owned()];
    // Wait until both answer.
    machine.get("/healthz", 200);
    machine.sh("for i in $(seq 60); do python3 -c \"import urllib.request as r; r.urlopen(r.Request('http://127.0.0.1/healthz', headers={'Host': 'by-hand'}))\" && exit; sleep 1; done; exit 1");
    println!("{} processors, {} connections", machine.sh("nproc"), LOAD.connections);
    wrk::head("by hand");
    for path in ["/", "/visits"] {
        wrk::compare(path, LOAD, &ours, &theirs);
    }
}
