//! `stackdeb repo`: what it writes is judged by apt, gpgv and dpkg-scanpackages, and by stackdeb's own client.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use libtest_mimic::Trial;
use stackdeb::apt::{Keyring, Release};
use stackdeb::control::{Stanza, Stanzas};
use stackdeb::system::epoch::Epoch;
use support::apt_world::World;
use support::mirror::Mirror;
use support::{copy_tree, listing, run, text};

pub fn trials() -> Vec<Trial> {
    support::tests![
        apt_installs_and_upgrades_from_it,
        apt_refuses_a_changed_byte,
        what_cannot_be_added_changes_nothing,
        a_state_that_is_too_old_is_refused_until_it_is_signed_anew,
        killed_at_any_write_it_leaves_a_whole_repository,
        a_key_signs_from_the_moment_it_is_made,
        two_at_once_are_both_in_it
    ]
}

fn apt_installs_and_upgrades_from_it() {
    let (world, mirror) = (World::new(), Mirror::start(HashMap::new()));
    let [one, two, three] = ["1.0", "1.1~a+b", "1:0.9"].map(|version| world.package("shop", version, "amd64", version));
    let data = world.package("shop-data", "1.0", "all", "data");
    let said = world.repo(&["add", "--url", &format!("{}/", mirror.address), &one, &data]);
    assert_eq!(said.lines().next(), Some("added shop 1.0"));
    mirror.replace(world.served());
    assert_eq!(world.versions("shop"), ["1.0"]);
    world.download("1.0", &one);

    // The judges: gpgv for the signatures, dpkg-scanpackages for the index, stackdeb's own client for both.
    let (keyring, certificate) = world.keyring();
    let suite = world.path("repository/dists/stable");
    for files in [&["InRelease"][..], &["Release.gpg", "Release"]] {
        run(Command::new("gpgv").arg("--keyring").arg(&keyring).args(files.iter().map(|file| suite.join(file))));
    }
    let mut scan = Command::new("dpkg-scanpackages");
    scan.args(["-m", "-h", "sha256", "pool"]).current_dir(world.path("repository"));
    let stanzas = |text: &str| -> Vec<BTreeMap<String, String>> {
        let stanzas = Stanzas::new(text.as_bytes()).map(Result::unwrap);
        stanzas
            .map(|stanza| stanza.fields().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
            .collect()
    };
    let index = "main/binary-amd64/Packages";
    assert_eq!(stanzas(&world.read(&format!("dists/stable/{index}"))), stanzas(&run(&mut scan)));
    let trusted = Keyring::from_bytes("the repository's", certificate.as_bytes()).unwrap();
    let in_release = fs::read(suite.join("InRelease")).unwrap();
    let release = Release::verify(&in_release, "InRelease", &trusted, "stable", Epoch::now()).unwrap();
    let first = release.file(index).unwrap().sha256;
    assert!(release.by_hash && release.valid_until.is_none());

    // Several versions stay. The indices of the state before stay for who has read its InRelease.
    world.repo(&["add", &two]);
    mirror.replace(world.served());
    assert_eq!(world.versions("shop"), ["1.1~a+b", "1.0"]);
    world.download("1.1~a+b", &two);
    let by_hash = suite.join("main/binary-amd64/by-hash/SHA256");
    assert!(by_hash.join(first.to_string()).exists() && listing(&by_hash).len() == 4);
    world.repo(&["add", &three]);
    mirror.replace(world.served());
    assert_eq!(world.versions("shop"), ["1:0.9", "1.1~a+b", "1.0"]);
    world.download("1:0.9", &three);
    world.download("1.0", &one);
    assert!(!by_hash.join(first.to_string()).exists() && listing(&by_hash).len() == 4);

    // The same again changes no file.
    let before = world.contents("repository");
    world.repo(&["add", &one, &three]);
    assert_eq!(world.contents("repository"), before);
    let listed: serde_json::Value = serde_json::from_str(&world.repo(&["list", "--json"])).unwrap();
    let names = |key: &str| -> Vec<&str> {
        listed["packages"].as_array().unwrap().iter().map(|package| package[key].as_str().unwrap()).collect()
    };
    assert_eq!(names("name"), ["shop", "shop", "shop", "shop-data"]);
    assert_eq!(names("version"), ["1.0", "1.1~a+b", "1:0.9", "1.0"]);
    let mode = |path: &str| fs::metadata(world.path(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("data/stackdeb"), mode("data/stackdeb/repository-key.pgp")), (0o700, 0o600));
}

fn apt_refuses_a_changed_byte() {
    let (world, mirror) = (World::new(), Mirror::start(HashMap::new()));
    let package = world.package("shop", "1.0", "amd64", "one");
    world.repo(&["add", "--url", &mirror.address, &package]);
    let served = world.served();
    let release = "dists/stable/InRelease";
    let indices = served.keys().filter(|path| path.contains("/Packages") || path.contains("by-hash"));
    let pool = served.keys().find(|path| path.starts_with("pool/")).unwrap();
    let change = |paths: &[&String]| {
        let mut files = served.clone();
        for path in paths {
            let bytes = files.get_mut(*path).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        }
        mirror.replace(files);
        world.forget();
    };
    change(&[&release.to_owned()]);
    let refused = world.apt("apt-get", &["update"]);
    assert!(!refused.status.success() && text(&refused).contains("BADSIG"), "{}", text(&refused));
    change(&indices.collect::<Vec<_>>());
    let refused = world.apt("apt-get", &["update"]);
    assert!(!refused.status.success() && text(&refused).contains("Hash Sum mismatch"), "{}", text(&refused));
    change(&[pool]);
    assert_eq!(world.versions("shop"), ["1.0"]);
    let refused = world.apt("apt-get", &["download", "shop"]);
    assert!(!refused.status.success() && text(&refused).contains("Hash Sum mismatch"), "{}", text(&refused));
    change(&[]);
    assert_eq!(world.versions("shop"), ["1.0"]);
    world.download("1.0", &package);
}

fn what_cannot_be_added_changes_nothing() {
    let world = World::new();
    let one = world.package("shop", "1.0", "amd64", "one");
    let other = world.package("shop", "1.00", "amd64", "other");
    let new = world.package("shop", "2.0", "amd64", "new");
    let arm = world.package("shop", "3.0", "arm64", "arm");
    let no_package = world.path("no-package.deb").display().to_string();
    fs::write(&no_package, "a text").unwrap();
    let damaged = world.path("damaged.deb").display().to_string();
    let mut bytes = fs::read(&new).unwrap();
    let end = bytes.len() - 40;
    bytes[end] ^= 1;
    fs::write(&damaged, bytes).unwrap();
    for (arguments, words) in [
        (&["add", &one][..], "give the address once: `--url"),
        (&["refresh"], "repository has no repository"),
        (&["list"], "repository has no repository"),
        (&["add", "--url", "packages.example.org", &one], "it is not an address"),
        (&["add", "--url", "https://a.example", "--suite", "../x", &one], "--suite is `../x`"),
        (&["add", "--url", "https://a.example", "--key", "none.pgp", &one], "the key file none.pgp does not exist"),
        (&["add", "--url", "https://a.example", "/nowhere.deb"], "cannot read the package /nowhere.deb"),
    ] {
        let said = world.refusal(arguments);
        assert!(said.contains(words), "no `{words}` in: {said}");
        assert!(!world.path("repository").exists() && !world.path("data").exists(), "{arguments:?}");
    }
    world.repo(&["add", "--url", "https://packages.example.org", &one]);
    for (arguments, words) in [
        (&["add", &new, &other][..], "has other contents under that version: pool/main/s/shop/shop_1.0_amd64.deb"),
        (&["add", &new, &no_package], "no-package.deb is not a Debian package"),
        (&["add", &damaged], "damaged.deb"),
        (&["add", &arm], "is for arm64, and this repository has packages for amd64"),
        (&["add", "--suite", "testing", &new], "has the suite `stable`, not `testing`"),
        (&["add", "--origin", "other", &new], "has the origin `shop`, not `other`"),
    ] {
        let said = world.refusal(arguments);
        assert!(said.contains(words), "no `{words}` in: {said}");
    }
    // What is published is not what was signed.
    let index = listing(&world.path("repository/dists/stable/main/binary-amd64/by-hash/SHA256"));
    let before: Vec<_> = index.iter().map(|path| fs::read(path).unwrap()).collect();
    index.iter().for_each(|path| fs::write(path, "x").unwrap());
    assert!(world.refusal(&["add", &new]).contains("its SHA-256 is not its name"));
    assert!(world.refusal(&["list"]).contains("its SHA-256 is not its name"));
    index.iter().zip(before).for_each(|(path, bytes)| fs::write(path, bytes).unwrap());
    world.repo(&["add", &new]);
}

fn a_state_that_is_too_old_is_refused_until_it_is_signed_anew() {
    let world = World::new();
    let url = format!("file:{}", world.path("repository").display());
    world.repo(&["add", "--url", &url, "--valid-for", "7", &world.package("shop", "1.0", "amd64", "one")]);
    assert_eq!(world.versions("shop"), ["1.0"]);
    let later = |days: &str| {
        let update = ["--exclude-monotonic", days, "apt-get", "update"];
        world.apt_by(&mut Command::new("faketime"), &update)
    };
    assert!(later("+6 days").status.success());
    let refused = later("+8 days");
    assert!(!refused.status.success() && text(&refused).contains("is expired"), "{}", text(&refused));
    let said = world.repo(&["refresh", "--valid-for", "9"]);
    assert!(said.starts_with("packages signed: 1, valid until "), "{said}");
    let accepted = later("+8 days");
    assert!(accepted.status.success(), "{}", text(&accepted));
    // The number of days is kept, until another one is given.
    let until = |text: &str| Stanza::parse(text).unwrap().get("Valid-Until").map(str::to_owned);
    world.repo(&["refresh"]);
    assert!(until(&world.read("dists/stable/Release")).is_some());
    world.repo(&["refresh", "--valid-for", "0", "--url", "https://packages.example.org"]);
    assert_eq!(until(&world.read("dists/stable/Release")), None);
    assert!(world.read("shop.sources").contains("URIs: https://packages.example.org\n"));
}

/// The calls that give a file its name, and those that remove one.
const CALLS: [&str; 2] = ["rename,renameat,renameat2", "unlink,unlinkat"];

/// Runs a command, and kills it when it is about to make one of the calls for the `number`th time. Whether it ended by itself.
fn ends(world: &World, arguments: &[&str], calls: &str, number: usize) -> bool {
    let mut strace = strace(world, &world.command(arguments), calls, &format!("signal=KILL:when={number}"));
    strace.output().expect("strace, of the package strace").status.success()
}

/// The command, to which something happens at its calls (`-e inject`, strace(1)).
fn strace(world: &World, command: &Command, calls: &str, what: &str) -> Command {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={calls}"), "-e"]);
    strace.arg(format!("inject={calls}:{what}"));
    strace.arg(command.get_program()).args(command.get_args());
    strace.current_dir(world.folder.path()).env("XDG_DATA_HOME", world.path("data"));
    strace
}

fn killed_at_any_write_it_leaves_a_whole_repository() {
    let world = World::new();
    let url = format!("file:{}", world.path("repository").display());
    let [one, two, three] = ["1.0", "2.0", "3.0"].map(|version| world.package("shop", version, "amd64", version));
    // The first package: until its InRelease is there, there is no repository; then the next run finishes it.
    let first = ["add", "--url", &url, &one];
    let kills = (1..).take_while(|number| !ends(&world, &first, CALLS[0], *number)).count();
    assert!(kills >= 1, "it was never killed");
    assert_eq!(world.versions("shop"), ["1.0"]);
    world.repo(&["add", &two]);
    copy_tree(&world.path("repository"), &world.path("whole"));
    let states = CALLS.map(|calls| {
        let mut states = Vec::new();
        for number in 1.. {
            stackdeb::system::tree::remove(&world.path("repository")).unwrap();
            copy_tree(&world.path("whole"), &world.path("repository"));
            let ended = ends(&world, &["add", &three], calls, number);
            let versions = world.versions("shop");
            assert!(versions.ends_with(&["2.0".to_owned(), "1.0".to_owned()]), "{versions:?}");
            world.download("2.0", &two);
            if versions.len() == 3 {
                world.download("3.0", &three);
            }
            states.push(versions.len());
            if ended {
                break;
            }
            world.repo(&["add", &three]);
            assert_eq!(world.read("dists/stable/main/binary-amd64/Packages").matches("Package: shop").count(), 3);
        }
        states
    });
    // The package, two indices under two names each, Release, Release.gpg and InRelease get their names, and then all is new.
    // Two indices of the state before the last are removed after that.
    assert_eq!(states, [vec![2, 2, 2, 2, 2, 2, 2, 2, 3], vec![3, 3, 3]]);
}

/// A key that is made in the second after the command began can sign. The package's rename into the pool takes that second.
fn a_key_signs_from_the_moment_it_is_made() {
    let world = World::new();
    let package = world.package("shop", "1.0", "amd64", "one");
    let command = world.command(&["add", "--url", "https://packages.example.org", &package]);
    let mut strace = strace(&world, &command, CALLS[0], "delay_enter=1100000:when=1");
    run(&mut strace);
    assert!(world.read("dists/stable/InRelease").contains("BEGIN PGP SIGNATURE"));
}

fn two_at_once_are_both_in_it() {
    let world = World::new();
    let url = format!("file:{}", world.path("repository").display());
    let versions = ["1.0", "1.1", "1.2", "1.3"];
    let packages = versions.map(|version| world.package("shop", version, "amd64", version));
    let start = |package: &String| {
        let mut command = world.command(&["add", "--url", &url, package]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let running: Vec<_> = packages.iter().map(start).collect();
    for child in running {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
    }
    assert_eq!(world.versions("shop"), ["1.3", "1.2", "1.1", "1.0"]);
}
