//! `stackdeb upload` when Linode or the network is in trouble, or the user interrupts.

use std::cell::RefCell;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Stdio};
use std::rc::Rc;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use stackdeb::linode::LinodeError;
use stackdeb::linode::api::client::ApiClient;
use stackdeb::linode::api::clock::Clock;
use stackdeb::linode::api::regions::Region;
use stackdeb::linode::api::retry::RetryPolicy;
use stackdeb::linode::api::token::Token;
use stackdeb::linode::image::label::ImageLabel;
use stackdeb::linode::image::upload::{IfUploaded, UploadOptions, upload_file};
use stackdeb::system::interrupt::Interrupted;
use stackdeb::system::progress::Reporter;
use support::account::{Ended, Home, TOKEN, image, sh, text};
use support::linode_api::{Api, Fault};
use support::ports::DEAD_PORT;

/// Uploads the good image with these faults.
#[track_caller]
fn upload_with(faults: &[Fault], status: i32, words: &[&str]) -> (Api, Ended) {
    let (api, home) = (Api::start(TOKEN, faults), Home::new());
    let ended = home.run(home.upload(&api).arg(image())).has(status, words);
    (api, ended)
}

#[test]
fn a_refusal_is_shown_in_the_api_s_words() {
    let fault = Fault::Refuses("You have reached the limit of 25 images", "label");
    let (api, _) =
        upload_with(&[fault], 3, &["create an image", "400", "label: You have reached the limit of 25 images"]);
    assert_eq!(api.images().len(), 0);
}

/// Answers every request with `answer`, and hands out what was asked. It may be an API, or a proxy.
fn server(answer: String) -> (u16, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (port, (sender, asked)) = (listener.local_addr().unwrap().port(), mpsc::channel());
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut request = Vec::new();
            let mut byte = [0];
            while !request.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).is_ok() {
                request.push(byte[0]);
            }
            let _ = sender.send(String::from_utf8_lossy(&request).into_owned());
            let head = format!("HTTP/1.1 400 No\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", answer.len());
            let _ = stream.write_all(format!("{head}{answer}").as_bytes());
        }
    });
    (port, asked)
}

/// JSON has other ways to write a letter, and an answer may come from a proxy between us and Linode.
#[test]
fn an_answer_shows_neither_the_token_nor_acts_on_the_terminal() {
    let home = Home::new();
    let escaped = format!("{}\\u00{:x}{}", &TOKEN[..1], TOKEN.as_bytes()[1], &TOKEN[2..]);
    let reason = format!("no \\u001b]0;owned\\u0007 \\u009b2J {escaped}");
    let (port, _asked) = server(format!("{{\"errors\": [{{\"reason\": \"{reason}\"}}]}}"));
    let mut command = home.command(env!("CARGO_BIN_EXE_stackdeb"));
    command.args(["upload", "--region", "us-east", "--api", &format!("http://127.0.0.1:{port}/v4")]).arg(image());
    let ended = home.run(&mut command).has(3, &["\\u{1b}]0;owned\\u{7}", "\\u{9b}2J", "[secret]"]);
    assert!(!ended.said.contains(['\x1b', '\x07', '\u{9b}']), "{:?}", ended.said);
}

#[test]
fn a_proxy_does_not_get_what_is_for_this_machine() {
    for host in ["localhost", "127.0.0.1"] {
        let home = Home::new();
        let (port, asked) = server("no".to_owned());
        let (proxy, asked_proxy) = server("no".to_owned());
        let mut command = home.command(env!("CARGO_BIN_EXE_stackdeb"));
        command.args(["upload", "--region", "us-east", "--api", &format!("http://{host}:{port}/v4")]).arg(image());
        for variable in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
            command.env(variable, format!("http://127.0.0.1:{proxy}"));
        }
        home.run(&mut command).has(3, &[]);
        assert!(asked.try_iter().next().unwrap().contains(TOKEN), "the API itself gets it");
        assert_eq!(asked_proxy.try_iter().collect::<Vec<_>>(), Vec::<String>::new(), "{host}");
    }
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
    let mut command = home.command(env!("CARGO_BIN_EXE_stackdeb"));
    command.args(["upload", "--region", "us-east", "--api", &format!("http://127.0.0.1:{DEAD_PORT}/v4")]);
    home.run(command.arg(image())).has(4, &["list the images", "4 attempts", "check the network"]);
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
    let client = ApiClient::new(&api.address(), token, RetryPolicy::default(), clock.clone()).unwrap();
    let hour = Duration::from_secs(3600);
    let options = UploadOptions {
        label: ImageLabel::new("shop").unwrap(),
        region: Region::new("us-east").unwrap(),
        tags: Vec::new(),
        if_uploaded: IfUploaded::Reuse,
        timeout: hour,
    };
    let error = upload_file(&client, image(), &options, Reporter::Silent).unwrap_err();
    assert!(matches!(error, LinodeError::NotAvailableYet { .. }), "{error}");
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
    home.ended(output).has(143, &["The image is in use", "delete it yourself"]);
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
