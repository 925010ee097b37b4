//! `stackdeb upload` against a Linode in memory, which Linode's own command-line client finds to be one.

#[path = "support/linode_api.rs"]
mod linode_api;

use std::cell::RefCell;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::rc::Rc;
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use linode_api::{Api, Fault, SIGNATURE};
use serde_json::{Value, json};
use stackdeb::linode::check::{Request, check_image};
use stackdeb::linode::client::Client;
use stackdeb::linode::clock::{Clock, Limits};
use stackdeb::linode::token::Token;
use stackdeb::linode::upload::{Duplicate, UploadError, upload};
use stackdeb::system::interrupt::Interrupted;

const TOKEN: &str = "7a1c0ffee5ecre7d00d1e57ab1e70cea";
/// What mke2fs has to leave out for Linode.
const FEATURES: &str = "^metadata_csum,^metadata_csum_seed,^orphan_file";

/// Runs a shell script that must succeed, and returns what it printed.
#[track_caller]
fn sh(script: &str, arguments: &[&Path]) -> String {
    let mut command = Command::new("sh");
    command.env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    let output = command.args(["-euc", script, "sh"]).args(arguments).output().unwrap();
    assert!(output.status.success(), "{script}: {}", text(&output));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A good image with more in it than any buffer on the way holds: 64 MiB, of which 8 are noise.
fn image() -> &'static Path {
    static IMAGE: OnceLock<PathBuf> = OnceLock::new();
    IMAGE.get_or_init(|| {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("upload");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("tree")).unwrap();
        let path = folder.join("shop-1.0+rc1-linode.img.gz");
        let script = format!(
            "cd \"$1\"; head -c 8M /dev/urandom > tree/noise; truncate -s 64M raw; \
             mke2fs -q -t ext4 -O {FEATURES} -d tree raw; gzip -nc raw > \"$2\""
        );
        sh(&script, &[&folder, &path]);
        path
    })
}

/// A home of its own for a program, in which nothing secret may remain.
struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// `program`, which knows nothing of this machine but where its home is, and has the token.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).current_dir(self.path());
        for variable in ["HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"] {
            command.env(variable, self.path());
        }
        command.env("LINODE_TOKEN", TOKEN);
        command
    }

    fn upload(&self, api: &Api) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_stackdeb"));
        command.env("LINODE_API_URL", api.address()).args(["upload", "--region", "us-east"]);
        command
    }

    /// Runs to the end, and looks whether a secret came out.
    #[track_caller]
    fn run(&self, command: &mut Command) -> Ended {
        self.ended(command.output().unwrap())
    }

    #[track_caller]
    fn ended(&self, output: Output) -> Ended {
        let all = text(&output);
        for secret in [TOKEN, SIGNATURE] {
            assert!(!all.contains(secret), "`{secret}` was printed:\n{all}");
            for file in files(self.path()) {
                let content = fs::read(&file).unwrap();
                let found = content.windows(secret.len()).any(|window| window == secret.as_bytes());
                assert!(!found, "`{secret}` is in {}", file.display());
            }
        }
        assert!(!all.contains("panicked"), "{all}");
        // Messages are wrapped to the width of a terminal.
        let said = all.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ");
        Ended { status: output.status.code(), said, stdout: String::from_utf8(output.stdout).unwrap() }
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

struct Ended {
    status: Option<i32>,
    said: String,
    stdout: String,
}

impl Ended {
    #[track_caller]
    fn has(self, status: i32, words: &[&str]) -> Self {
        assert_eq!(self.status, Some(status), "{}", self.said);
        for word in words {
            assert!(self.said.contains(word), "`{word}` is missing: {}", self.said);
        }
        self
    }

    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }
}

/// Uploads the good image with these faults.
#[track_caller]
fn upload_with(faults: &[Fault], status: i32, words: &[&str]) -> (Api, Ended) {
    let (api, home) = (Api::start(TOKEN, faults), Home::new());
    let ended = home.run(home.upload(&api).arg(image())).has(status, words);
    (api, ended)
}

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
        (folder.path().to_owned(), "no plain file"),
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
        "truncate -s 1G hole; gzip -1c hole > gib; (cat gib gib gib gib gib gib; echo | gzip -c) > \"$1\"",
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
    with(&["--label", "a/b"], &["a/b", "--label"]);
    with(&["--tag", "web", "--tag", "x"], &["`x` cannot be a tag"]);
    with(&["--api", "http://api.example.org/v4"], &["without https", "token"]);
    with(&["--api", "nowhere"], &["cannot be the address"]);
    let mut command = home.command(env!("CARGO_BIN_EXE_stackdeb"));
    command.env("LINODE_API_URL", api.address()).args(["upload", "--region", "US East"]).arg(image());
    home.run(&mut command).has(1, &["US East", "is no region"]);
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

#[test]
fn a_refusal_is_shown_in_the_api_s_words() {
    let fault = Fault::Refuses("You have reached the limit of 25 images", "label");
    let (api, _) =
        upload_with(&[fault], 3, &["create an image", "400", "label: You have reached the limit of 25 images"]);
    assert_eq!(api.images().len(), 0);
}

#[test]
fn too_many_requests_wait_as_long_as_they_are_told() {
    let begin = Instant::now();
    let (api, _) = upload_with(&[Fault::TooMany("POST", 2), Fault::TooMany("GET", 1)], 0, &[]);
    assert!(begin.elapsed() >= Duration::from_secs(3), "{:?}", begin.elapsed());
    assert_eq!((api.images().len(), api.seen("POST").len()), (1, 3));
}

#[test]
fn what_may_have_happened_is_not_asked_for_twice() {
    upload_with(&[Fault::Unavailable("GET", 2)], 0, &[]);
    let (api, _) = upload_with(&[Fault::Unavailable("POST", 1)], 4, &["create an image", "503", "status.linode.com"]);
    assert_eq!(api.seen("POST").len(), 1);
}

#[test]
fn nobody_is_there() {
    let home = Home::new();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut command = home.command(env!("CARGO_BIN_EXE_stackdeb"));
    command.args(["upload", "--region", "us-east", "--api", &format!("http://127.0.0.1:{port}/v4")]).arg(image());
    home.run(&mut command).has(4, &["list the images", "4 attempts", "check the network"]);
}

#[test]
fn the_object_storage_refuses() {
    let (api, ended) =
        upload_with(&[Fault::PutRefused], 3, &["403", "AccessDenied: Request has expired", "private/15 is deleted"]);
    assert!(!ended.said.contains("<Error>"), "{}", ended.said);
    assert_eq!((api.images().len(), api.seen("PUT").len(), api.seen("PUT")[0].body.len()), (0, 1, 0));
}

#[test]
fn a_connection_that_is_cut_is_tried_again() {
    let (api, _) = upload_with(&[Fault::PutCut(2)], 0, &["private/15"]);
    assert_eq!(api.seen("PUT").len(), 3);
    assert!(api.file("private/15").unwrap() == fs::read(image()).unwrap());
    let (api, _) = upload_with(&[Fault::PutCut(99)], 4, &["after 4 attempts", "private/15 is deleted"]);
    assert_eq!(api.images().len(), 0);
}

#[test]
fn a_lost_answer_is_not_a_lost_file() {
    let (api, _) = upload_with(&[Fault::PutAnswerLost], 0, &["private/15"]);
    assert_eq!(api.seen("PUT").len(), 1);
}

#[test]
fn an_image_that_vanishes_tells_why() {
    let why = "Uploaded image is larger than the maximum of 6144";
    upload_with(&[Fault::Vanishes(why)], 3, &["discarded the image private/15", why]);
    let faults = [Fault::Vanishes(why), Fault::EventsForbidden];
    upload_with(&faults, 3, &["discarded the image private/15", "events:read_only"]);
}

#[test]
fn an_image_that_takes_too_long_is_waited_for_next_time() {
    let (api, home) = (Api::start(TOKEN, &[Fault::NeverDone]), Home::new());
    let mut command = home.upload(&api);
    home.run(command.arg(image()).args(["--timeout", "4"]))
        .has(4, &["private/15", "4 seconds", "Creating", "run the same", "curl"]);
    api.set_faults(&[]);
    home.run(home.upload(&api).arg(image())).has(0, &["before as private/15", "is available"]);
    assert_eq!(api.seen("PUT").len(), 1);
}

/// A clock that does not wait, and remembers how long it should have.
#[derive(Debug, Default)]
struct Remembering {
    pauses: RefCell<Vec<Duration>>,
}

impl Clock for Remembering {
    fn now(&self) -> Duration {
        self.pauses.borrow().iter().sum()
    }

    fn sleep(&self, pause: Duration) -> Result<(), Interrupted> {
        self.pauses.borrow_mut().push(pause);
        Ok(())
    }
}

#[test]
fn it_is_asked_after_ever_more_rarely() {
    let api = Api::start(TOKEN, &[Fault::NeverDone]);
    let clock = Rc::new(Remembering::default());
    let token = Token::new(TOKEN.to_owned(), "LINODE_TOKEN").unwrap();
    let client = Client::new(&api.address(), token, Limits::default(), clock.clone()).unwrap();
    let (image, request) = (check_image(image()).unwrap(), Request::new("shop", "us-east", &[]).unwrap());
    let hour = Duration::from_secs(3600);
    let error = upload(&client, &image, &request, Duplicate::Reuse, hour, &|_| {}).unwrap_err();
    assert!(matches!(error, UploadError::NotYet { .. }), "{error}");
    let pauses = clock.pauses.borrow();
    assert_eq!(pauses.iter().sum::<Duration>(), hour);
    // The last one ends with the hour.
    let (_, all_but_last) = pauses.split_last().unwrap();
    assert!(all_but_last.is_sorted(), "{all_but_last:?}");
    assert_eq!(
        (all_but_last.first(), all_but_last.last()),
        (Some(&Duration::from_secs(1)), Some(&Duration::from_secs(15)))
    );
}

/// Begins an upload that never gets the storage's answer, and waits until the file is sent.
fn stalled(home: &Home, api: &Api) -> Child {
    let mut command = home.upload(api);
    let child = command.arg(image()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let begin = Instant::now();
    while api.seen("PUT").is_empty() {
        assert!(begin.elapsed() < Duration::from_secs(60), "nothing was sent");
        thread::sleep(Duration::from_millis(50));
    }
    child
}

#[test]
fn an_interrupt_takes_the_half_made_image_away() {
    let (api, home) = (Api::start(TOKEN, &[Fault::PutStalls]), Home::new());
    let child = stalled(&home, &api);
    let arguments = fs::read(format!("/proc/{}/cmdline", child.id())).unwrap();
    assert!(arguments.ends_with(b".img.gz\0"), "{}", String::from_utf8_lossy(&arguments));
    assert!(!String::from_utf8_lossy(&arguments).contains(TOKEN));
    let begin = Instant::now();
    sh("kill -INT \"$1\"", &[Path::new(&child.id().to_string())]);
    let ended = home.ended(child.wait_with_output().unwrap());
    ended.has(130, &["private/15 is deleted", "interrupted"]);
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
    assert_eq!(api.images().len(), 0);
}

#[test]
fn the_command_that_is_shown_deletes_the_image() {
    let (api, home) = (Api::start(TOKEN, &[Fault::PutStalls, Fault::DeleteFails]), Home::new());
    let child = stalled(&home, &api);
    sh("kill -TERM \"$1\"", &[Path::new(&child.id().to_string())]);
    let output = child.wait_with_output().unwrap();
    let all = text(&output);
    home.ended(output).has(130, &["The image is in use", "delete it yourself"]);
    let (_, command) = all.split_once("delete it yourself: ").unwrap();
    let command = command.lines().next().unwrap();
    assert_eq!(api.images().len(), 1);

    // The next upload tells of it as well.
    api.set_faults(&[]);
    home.run(home.upload(&api).arg(image())).has(0, &["private/15 waits for this file", "private/16", "is available"]);
    home.run(home.command("sh").args(["-c", command])).has(0, &[]);
    assert_eq!(api.images().len(), 1);
    assert_eq!(api.images()[0]["id"], "private/16");
}

#[test]
fn a_file_that_changes_on_the_way_is_not_kept() {
    let (api, home) = (Api::start(TOKEN, &[Fault::TooMany("POST", 2)]), Home::new());
    let path = home.path().join("shop.img.gz");
    fs::copy(image(), &path).unwrap();
    let mut command = home.upload(&api);
    let child = command.arg(&path).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while api.seen("POST").is_empty() {
        thread::sleep(Duration::from_millis(20));
    }
    // It was looked at, and is sent in two seconds.
    let mut file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.write_all(b"changed").unwrap();
    home.ended(child.wait_with_output().unwrap()).has(1, &["was changed while it was sent", "private/15 is deleted"]);
    assert_eq!(api.images().len(), 0);
}
