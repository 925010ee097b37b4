//! The key of `stackdeb repo`: who may read it, when it is made, and keys that gpg has made.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use libtest_mimic::Trial;
use support::apt_world::World;
use support::{run, text};

pub fn trials() -> Vec<Trial> {
    support::tests![the_key_is_kept_secret_and_never_replaced, a_key_of_gpg_signs]
}

fn the_key_is_kept_secret_and_never_replaced() {
    let world = World::new();
    let [one, two] = ["1.0", "2.0"].map(|version| world.package("shop", version, "amd64", version));
    let inside = ["add", "--url", "https://a.example", "--folder", "data/stackdeb", &one];
    assert!(world.refusal(&inside).contains("is inside the repository data/stackdeb, which is served to everybody"));
    let said = text(&world.command(&["add", "--url", "https://packages.example.org", &one]).output().unwrap());
    let fingerprint = said.split("made the key ").nth(1).unwrap().split(' ').next().unwrap();
    let (keyring, _) = world.keyring();
    let mut gpg = Command::new("gpg");
    gpg.args(["--batch", "--with-colons", "--show-keys"]).arg(keyring).env("GNUPGHOME", world.folder.path());
    let shown = run(&mut gpg);
    let public = shown.lines().find(|line| line.starts_with("pub:")).unwrap();
    let fields: Vec<&str> = public.split(':').collect();
    // GnuPG's doc/DETAILS: field 4 is the algorithm (22: EdDSA), 7 the expiry, 12 what it may do.
    assert_eq!((fields[3], fields[6], fields[11]), ("22", "", "scSC"), "{shown}");
    assert!(shown.contains(&format!("fpr:::::::::{fingerprint}:")), "{shown} is not of {fingerprint}");

    let key = world.path("data/stackdeb/repository-key.pgp");
    let secret = fs::read(&key).unwrap();
    for mode in [0o640, 0o604] {
        fs::set_permissions(&key, Permissions::from_mode(mode)).unwrap();
        assert!(world.refusal(&["add", &two]).contains(&format!("its mode is {mode:04o}")));
    }
    fs::remove_file(&key).unwrap();
    let said = world.refusal(&["add", &two]);
    assert!(said.contains(fingerprint) && said.contains("bring the key back from a backup"), "{said}");
    assert!(!key.exists(), "a new key was made");
    let other = World::new();
    other.repo(&["add", "--url", "https://a.example", &one]);
    let foreign = other.path("data/stackdeb/repository-key.pgp").display().to_string();
    let said = world.refusal(&["add", "--key", &foreign, &two]);
    assert!(said.contains(&format!("is signed by the key {fingerprint}")) && said.contains("another one"), "{said}");
    fs::write(&key, secret).unwrap();
    fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
    let list = world.contents("repository");
    assert!(list.values().all(|bytes| !String::from_utf8_lossy(bytes).contains("PRIVATE KEY")));
    world.repo(&["add", &two]);
}

/// A key that gpg has made signs as well, if it has no passphrase.
fn a_key_of_gpg_signs() {
    let world = World::new();
    let package = world.package("shop", "1.0", "amd64", "one");
    let home = world.path("gnupg");
    fs::create_dir(&home).unwrap();
    fs::set_permissions(&home, Permissions::from_mode(0o700)).unwrap();
    let gpg = |arguments: &[&str]| {
        let mut gpg = Command::new("gpg");
        run(gpg.args(["--batch", "--quiet", "--pinentry-mode", "loopback"]).args(arguments).env("GNUPGHOME", &home));
    };
    let url = format!("file:{}", world.path("repository").display());
    for (user, algorithm, passphrase) in [("open", "rsa3072", ""), ("closed", "ed25519", "hunter2")] {
        gpg(&["--passphrase", passphrase, "--quick-generate-key", user, algorithm, "sign", "never"]);
        let file = world.path(user).display().to_string();
        gpg(&["--passphrase", passphrase, "--output", &file, "--export-secret-keys", user]);
        fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        let arguments = ["add", "--url", &url, "--key", &file, &package];
        if passphrase.is_empty() {
            world.repo(&arguments);
        } else {
            assert!(world.refusal(&arguments).contains("it is protected by a passphrase"));
        }
    }
    assert_eq!(world.versions("shop"), ["1.0"]);
    assert!(!world.path("data").exists());
    run(Command::new("gpgconf").args(["--kill", "all"]).env("GNUPGHOME", &home));
}
