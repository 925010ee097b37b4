//! Django as it comes: its migrations, its administration, its static files.

use super::browser::hidden;
use super::{Application, Browser, head};
use crate::container::Container;
use crate::documents::steps;
use crate::server::Server;
use crate::terminal;

pub(super) const BOARD: Application = Application { name: "board", write, read };

/// What an administrator types when Django asks, in the commands of the how-to.
const ANSWERS: [(&str, &str); 6] = [
    ("Username", "ada"),
    ("Email address", "ada@example.org"),
    ("Password:", "correct-horse"),
    ("Password (again)", "correct-horse"),
    (">>> ", "import django.contrib.auth.models as m; print(m.User.objects.get().password)"),
    (">>> ", "exit()"),
];

/// Makes an administrator, who logs in, and pins a note as a visitor.
fn write(machine: &Container, browser: &Browser) {
    let [administration] = steps("django.md", "server");
    let shown = machine.sh(&terminal::answered(&administration, &ANSWERS));
    assert!(shown.contains("pbkdf2_sha256$"), "{shown}");
    let page = browser.log_in("/admin/login/", "/admin/");
    assert!(page.contains("Site administration") && page.contains("Notes"), "{page}");
    browser.submit("/", "csrfmiddlewaretoken", &[("text", "milk & honey")]);
    // What Django remembers of its migrations is in PostgreSQL.
    let tables = machine.sh("runuser -u board -- psql -At board -c 'select count(*) from django_migrations'");
    assert!(tables.parse::<u32>().unwrap() > 15, "{tables}");
}

fn read(machine: &Container, browser: &Browser) {
    let page = browser.get("/");
    assert!(page.contains("<li>milk &amp; honey</li>"), "{page}");
    // The session of before holds: SECRET_KEY is the same.
    let page = browser.get("/admin/notes/note/");
    assert!(page.contains("milk &amp; honey") && !hidden(&page, "csrfmiddlewaretoken").is_empty(), "{page}");
    // The style sheet has a hash in its name, comes from nginx while the application is stopped, and is kept by browsers.
    let (_, rest) = page.split_once("href=\"/static/admin/css/base.").unwrap();
    let style = browser.url(&format!("/static/admin/css/base.{}", rest.split('"').next().unwrap()));
    machine.sh("systemctl stop board.service board.socket");
    for (accepted, encoding) in [("br", "br"), ("gzip", "gzip")] {
        let head = head(&style, &["-H", &format!("Accept-Encoding: {accepted}"), "--connect-to", &browser.way()]);
        for line in [
            "HTTP/1.1 200 OK".to_owned(),
            "Cache-Control: public, max-age=31536000, immutable".to_owned(),
            format!("Content-Encoding: {encoding}"),
        ] {
            assert!(head.lines().any(|one| one == line), "{style}: no {line}: {head}");
        }
    }
    machine.sh("systemctl start board.socket board.service");
    // A site without a name answers to every name, so Django has to as well. A site with one does not, and neither does
    // Django, no matter which process opened its socket.
    let other = browser.ask("/", &["-H", "Host: www.example.org"]).0;
    let of_django = ["board.example.org", "www.example.org"].map(|host| ask_django(machine, host));
    match machine.sh("dpkg-query -W -f '${Version}' board").as_str() {
        "1.0.0" => assert_eq!((other, of_django), (200, ["200".to_owned(), "200".to_owned()])),
        _ => assert_eq!((other, of_django), (421, ["200".to_owned(), "400".to_owned()])),
    }
}

/// The status of the first page by a name, without nginx.
fn ask_django(machine: &Container, host: &str) -> String {
    let program = format!(
        "import http.client, socket; c = http.client.HTTPConnection('{host}'); c.sock = socket.socket(socket.AF_UNIX); \
         c.sock.connect('/run/board/board.sock'); c.request('GET', '/'); print(c.getresponse().status)"
    );
    machine.sh(&format!("python3 -c \"{program}\""))
}
