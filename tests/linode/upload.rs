//! `stackdeb upload` against a Linode in memory, which Linode's own command-line client finds to be one: what becomes an
//! image, and what is never sent.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use support::account::{Home, TOKEN, image, sh};
use support::linode_api::{Api, Fault};

#[test]
fn it_becomes_an_image_once() {
    let (api, home) = (Api::start(TOKEN, &[]), Home::new());
    let arguments = ["--label", "My shop", "--tag", "web", "--tag", "shop", "--json"];
    let report = home.run(home.upload(&api).arg(image()).args(arguments)).has(0, &[]).json();
    let sha256 = sh("sha256sum \"$1\" | cut -d' ' -f1", &[image()]);
    let bytes: u64 = sh("stat -c %s \"$1\"", &[image()]).parse().unwrap();
    let raw_bytes: u64 = sh("zcat \"$1\" | wc -c", &[image()]).parse().unwrap();
    let expected = json!({"id": "private/15", "label": "My shop", "region": "us-east", "status": "available",
        "size": 64, "tags": ["web", "shop"], "file": image(), "bytes": bytes, "raw_bytes": raw_bytes, "sha256": sha256,
        "uploaded": true});
    assert_eq!(report, expected);
    assert_eq!(api.file("private/15").unwrap(), fs::read(image()).unwrap());
    assert_eq!(api.images()[0]["capabilities"], json!(["cloud-init"]));
    let put = &api.seen("PUT")[0];
    assert_eq!(put.headers["content-length"], bytes.to_string());

    // The same bytes under another name are the same image, wherever it is in the list.
    api.limit_pages(1);
    let other = home.path().join("other.img.gz");
    fs::copy(image(), &other).unwrap();
    let report =
        home.run(home.upload(&api).arg(&other).arg("--json")).has(0, &["before as private/15 (My shop)"]).json();
    assert_eq!((&report["id"], &report["uploaded"]), (&json!("private/15"), &json!(false)));
    home.run(home.upload(&api).arg(&other).args(["--force", "--label", "other"])).has(0, &["private/16"]);
    home.run(home.upload(&api).arg(image())).has(0, &["before as private/1"]);
    assert_eq!((api.images().len(), api.seen("PUT").len()), (2, 2));
}

#[test]
fn the_newest_image_is_meant() {
    let (api, home) = (Api::start(TOKEN, &[]), Home::new());
    home.run(&mut home.upload(&api)).has(1, &["no image in the folder dist", "stackdeb image"]);
    let dist = home.path().join("dist");
    fs::create_dir(&dist).unwrap();
    sh(
        "cp \"$1\" \"$2/b-2.0-linode.img.gz\"; echo > \"$2/a-1.0-linode.img.gz\"; touch -d yesterday \"$2\"/a*",
        &[image(), &dist],
    );
    // The other variable does as well.
    let mut command = home.upload(&api);
    command.env_remove("LINODE_TOKEN").env("LINODE_CLI_TOKEN", TOKEN);
    home.run(&mut command).has(0, &["private/15 (b-2.0-linode) is available"]);
}

#[test]
fn progress_is_shown_in_a_terminal_only() {
    let (api, home) = (Api::start(TOKEN, &[]), Home::new());
    let lines = ["checking the image", "uploading"];
    let piped = home.run(home.upload(&api).arg(image())).has(0, &["private/15"]);
    assert!(!lines.iter().any(|line| piped.said.contains(line)), "{}", piped.said);

    // script(1) runs it in a terminal, which has no size by itself.
    let (program, image) = (support::program("stackdeb"), image().display());
    let upload = format!("stty cols 120 rows 30; {program} upload --region us-east --label other --force {image}");
    let mut terminal = home.command("script");
    terminal.args(["--quiet", "--return", "--command", &upload, "/dev/null"]);
    home.run(terminal.env("LINODE_API_URL", api.address()).env("TERM", "xterm")).has(0, &lines).has(0, &["private/16"]);
}

#[test]
fn linode_s_own_client_sees_the_same() {
    let (api, home) = (Api::start(TOKEN, &[]), Home::new());
    let client = |arguments: &[&str]| {
        let mut command = home.command(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/linode-cli"));
        command.env("CARGO_TARGET_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap());
        command
            .env_remove("LINODE_TOKEN")
            .env("LINODE_CLI_TOKEN", TOKEN)
            .env("LINODE_CLI_SUPPRESS_VERSION_WARNING", "1");
        command.env("LINODE_CLI_API_HOST", &api.host).env("LINODE_CLI_API_SCHEME", "http");
        command.env("LINODE_CLI_CONFIG", home.path().join("linode-cli"));
        home.run(command.args(arguments)).has(0, &[])
    };
    let path = image().to_str().unwrap();
    client(&["image-upload", "--region", "us-east", "--label", "theirs", "--cloud-init", path]);
    home.run(home.upload(&api).arg(image()).args(["--label", "ours"])).has(0, &["private/16"]);

    let (theirs, ours) = (api.file("private/15").unwrap(), api.file("private/16").unwrap());
    assert!(theirs == ours && ours == fs::read(image()).unwrap());
    let (theirs, ours) = (&api.seen("PUT")[0], &api.seen("PUT")[1]);
    for header in ["content-length", "content-type"] {
        assert_eq!(theirs.headers[header], ours.headers[header], "{header}");
    }
    // It takes what the API says of either image, and deletes ours as we would. Its upload never waited for its own.
    for _ in 0..3 {
        client(&["images", "view", "private/15", "--json"]);
    }
    let listed = client(&["images", "list", "--is_public", "false", "--json"]).json();
    let find = |label: &str| listed.as_array().unwrap().iter().find(|image| image["label"] == label).cloned().unwrap();
    let (mut theirs, mut ours) = (find("theirs"), find("ours"));
    assert_eq!(ours["status"], "available");
    for different in ["id", "label", "description"] {
        assert_ne!(theirs[different], ours[different], "{different}");
        (theirs[different], ours[different]) = (Value::Null, Value::Null);
    }
    assert_eq!(theirs, ours);
    client(&["images", "delete", "private/16"]);
    assert_eq!(api.images().len(), 1);
}

#[test]
fn a_bad_image_is_never_sent() {
    let (api, home, folder) = (Api::start(TOKEN, &[]), Home::new(), tempfile::tempdir().unwrap());
    let new = |name: &str, script: &str| {
        let path = folder.path().join(name);
        sh(&format!("cd \"$(dirname \"$1\")\"; {script}"), &[&path, image()]);
        path
    };
    let ext4 = |name: &str, options: &str| {
        let script = format!("truncate -s 16M raw; mke2fs -qF {options} raw; gzip -nc raw > \"$1\"; rm raw");
        new(name, &script)
    };
    let all = [
        (folder.path().join("missing"), "No such file"),
        (folder.path().to_owned(), "not a plain file"),
        (new("empty", ": > \"$1\""), "not compressed with gzip"),
        (new("plain", "zcat \"$2\" > \"$1\""), "not compressed with gzip"),
        (new("short", "head -c 4000000 \"$2\" > \"$1\""), "damaged"),
        (
            new("flipped", "cp \"$2\" \"$1\"; printf x | dd of=\"$1\" bs=1 seek=5000000 conv=notrunc status=none"),
            "damaged",
        ),
        (
            new("crc", "s=$(stat -c %s \"$2\"); (head -c $((s-8)) \"$2\"; printf xxxx; tail -c 4 \"$2\") > \"$1\""),
            "damaged",
        ),
        (new("trailing", "(cat \"$2\"; echo more) > \"$1\""), "damaged"),
        (new("second", "(cat \"$2\"; echo more | gzip -c | head -c 12) > \"$1\""), "damaged"),
        (new("text", "echo 'no file system' | gzip -c > \"$1\""), "holds no ext4"),
        (
            new("dos", "(head -c 510 /dev/zero; printf '\\125\\252'; head -c 1M /dev/zero) | gzip -c > \"$1\""),
            "partition table",
        ),
        (
            new("gpt", "(head -c 512 /dev/zero; printf 'EFI PART'; head -c 1M /dev/zero) | gzip -c > \"$1\""),
            "partition table",
        ),
        (new("cut", "zcat \"$2\" | head -c 40M | gzip -c > \"$1\""), "its file system needs 67108864"),
        (ext4("ext2", "-t ext2"), "without extents"),
        (ext4("csum", "-t ext4 -O metadata_csum"), "feature metadata_csum,"),
        (ext4("seed", "-t ext4 -O metadata_csum,metadata_csum_seed"), "feature metadata_csum,"),
        (ext4("encrypt", "-t ext4 -O ^metadata_csum,encrypt"), "feature encrypt,"),
        (ext4("journal", "-O journal_dev -b 4096"), "journal for another"),
    ];
    for (path, word) in all {
        let ended = home.run(home.upload(&api).arg(&path)).has(1, &[word]);
        assert!(ended.said.contains("help:"), "it does not say what to do: {}", ended.said);
    }
    // The size is counted: a trailer says no more than the size modulo 4 GiB.
    let large = new(
        "large",
        "truncate -s 64M hole; gzip -1c hole > part; (for i in $(seq 96); do cat part; done; echo | gzip -c) > \"$1\"",
    );
    home.run(home.upload(&api).arg(large)).has(1, &["more than the 6 GiB", "free-space"]);
    let large = new("larger", "truncate -s 5G \"$1\"; truncate -s +1 \"$1\"");
    home.run(home.upload(&api).arg(large)).has(1, &["5 GiB"]);
    // A second member is a part of the whole.
    let members = new(
        "members",
        "zcat \"$2\" > raw; (head -c 30M raw | gzip -c; tail -c +31457281 raw | gzip -c) > \"$1\"; rm raw",
    );
    assert_eq!(["GET", "POST", "PUT"].map(|method| api.seen(method).len()), [0; 3]);
    home.run(home.upload(&api).arg(members)).has(0, &["private/15"]);
}

#[test]
fn bad_arguments_are_never_sent() {
    let (api, home) = (Api::start(TOKEN, &[]), Home::new());
    let with =
        |arguments: &[&str], words: &[&str]| home.run(home.upload(&api).arg(image()).args(arguments)).has(1, words);
    with(&["--label", "a/b"], &["`a/b` is not a valid image label", "--label"]);
    with(&["--tag", "web", "--tag", "x"], &["`x` is not a valid tag"]);
    with(&["--api", "http://api.example.org/v4"], &["without https", "token"]);
    with(&["--api", "nowhere"], &["cannot be the address"]);
    let mut command = home.command(env!("CARGO_BIN_EXE_stackdeb"));
    command.env("LINODE_API_URL", api.address()).args(["upload", "--region", "US East"]).arg(image());
    home.run(&mut command).has(1, &["`US East` is not a valid region", "--region"]);
    home.run(home.upload(&api).arg(image()).env_remove("LINODE_TOKEN")).has(1, &["LINODE_TOKEN", "images:read_write"]);
    let secret = format!("{TOKEN} {TOKEN}");
    home.run(home.upload(&api).arg(image()).env("LINODE_TOKEN", secret)).has(1, &["the token in LINODE_TOKEN"]);
    assert_eq!(["GET", "POST", "PUT"].map(|method| api.seen(method).len()), [0; 3]);
}

#[test]
fn a_region_that_takes_no_images() {
    for (region, words) in [
        ("us-esat", ["no region us-esat; is it us-east?", "us-east, nl-ams"]),
        ("ca-central", ["ca-central takes no images", "us-east, nl-ams"]),
        ("us-den-1", ["us-den-1 takes no images", "us-east, nl-ams"]),
    ] {
        let (api, home) = (Api::start(TOKEN, &[]), Home::new());
        let mut command = home.command(env!("CARGO_BIN_EXE_stackdeb"));
        command.args(["upload", "--region", region, "--api", &api.address()]).arg(image());
        home.run(&mut command).has(1, &words);
        assert_eq!(api.seen("POST").len(), 0);
    }
}

#[test]
fn a_token_that_does_not_do() {
    let home = Home::new();
    let api = Api::start("another", &[Fault::Echoes]);
    home.run(home.upload(&api).arg(image())).has(3, &["images:read", "[token]"]);
    // The API tells the scopes: nothing is made in vain.
    let api = Api::start(TOKEN, &[]);
    api.tell_scopes("images:read_only linodes:read_write");
    home.run(home.upload(&api).arg(image())).has(3, &["`images:read_only linodes:read_write`", "images:read_write"]);
    assert_eq!(api.seen("POST").len(), 0);
    api.tell_scopes("events:read_only images:read_write");
    home.run(home.upload(&api).arg(image())).has(0, &[]);
}
