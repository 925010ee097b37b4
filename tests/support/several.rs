//! One image with several stacks, kept for the rooms that look into it and that boot it: the default stack with HTTPS at every
//! name; beside it `blog`, with HTTPS at a name of its own, a worker, a timer, Valkey, a library of PyPI, a release command and
//! static files; and `pages`, files alone, with three further packages.

use std::fs;
use std::path::{Path, PathBuf};

use super::edition::edit;
use super::{default_stack, inputs, made, run, stackdeb};

/// Writes a project that needs no package beside those of the default stack and of its tables.
pub fn write_project(folder: &Path, name: &str, app: &str, tables: &str) {
    fs::create_dir_all(folder.join("app")).unwrap();
    fs::write(folder.join("app/app.py"), app).unwrap();
    let manifest = format!(
        "[package]\nname = \"{name}\"\nmaintainer = \"Jane Doe <jane@example.org>\"\nsummary = \"place to write at\"\n\
         license = \"MIT\"\ncompression = \"none\"\n{tables}\n[[changelog]]\nversion = \"2.0\"\ndate = 2026-11-22T10:00:00Z\nchanges = [\"First.\"]\n"
    );
    fs::write(folder.join("stack.toml"), manifest).unwrap();
}

/// Each visit is an order for the worker. The page of the health check is well when the release command, the worker and the
/// timer have done something, and somebody was here over HTTPS.
const BLOG: &str = r#"
import os

import redis

store = redis.Redis.from_url(os.environ["VALKEY_URL"], decode_responses=True)


def app(environ, start_response):
    store.rpush("orders", environ["PATH_INFO"])
    if environ["wsgi.url_scheme"] == "https":
        store.set("https", "visited")
    found = store.mget("worker", "timer", "https", "released")
    is_late = environ["PATH_INFO"] == "/well" and None in found
    start_response("503 Service Unavailable" if is_late else "200 OK", [("Content-Type", "text/plain")])
    return [f"A blog. {found}\n".encode()]
"#;

const WORKER: &str = r#"
import os

import redis

store = redis.Redis.from_url(os.environ["VALKEY_URL"], decode_responses=True)
while True:
    if store.blpop("orders", 1):
        store.set("worker", "worked")
"#;

const TIMER: &str = r#"
import os

import redis

redis.Redis.from_url(os.environ["VALKEY_URL"]).set("timer", "came")
"#;

/// The release command uses the packed library. The sandbox lets no program of the app write beside that, so what is compiled
/// there was compiled when the image was built.
const RELEASE: &str = r#"
import importlib.metadata
import os

import click
import redis

assert os.path.exists(click.__cached__), click.__cached__
version = importlib.metadata.version("click")
redis.Redis.from_url(os.environ["VALKEY_URL"]).set("released", f"{click.__file__} {version}")
"#;

/// What the release command leaves for the page.
pub const RELEASED: &str = "/usr/lib/blog/python3/click/__init__.py 8.1.8";

const REQUIREMENTS: &str = "click==8.1.8\n";

/// The only file below `/files/`, where no page of the app is.
pub const STYLE_SHEET: &str = "body { color: teal }\n";

const BLOG_TABLES: &str = "[app]\ndepends = [\"python3-redis\"]\nrequirements = \"requirements.txt\"\n\
    release-command = \"python release.py\"\n[service.valkey]\n\
    [worker.orders]\ncommand = \"python worker.py\"\n\
    [timer.tick]\ncommand = \"python tick.py\"\nschedule = \"*:*:0/15\"\n\
    [site]\nserver-names = [\"blog.example.org\"]\ntls = \"self-signed\"\n\
    [[site.static]]\npath = \"/files/\"\nfolder = \"files\"\n\
    [health]\npath = \"/well\"\n[image]\nhostname = \"other\"\n";

/// The image has `pages-texts` and, through it, `pages-fonts`, and because it asks for it, `pages-tools`; not `pages-rest`. dpkg
/// unpacks `pages-tools` only when `pages` is configured.
const PAGES_TABLES: &str = "depends = [\"pages-texts (= ${binary:Version})\"]\n\
    [[package]]\nname = \"pages-texts\"\nsummary = \"texts of the pages\"\ndepends = [\"pages-fonts\"]\n\
    [[package]]\nname = \"pages-fonts\"\nsummary = \"fonts of the pages\"\n\
    [[package]]\nname = \"pages-tools\"\nsummary = \"tools for the pages\"\npre-depends = [\"pages\"]\n\
    [[package]]\nname = \"pages-rest\"\nsummary = \"rest of the pages\"\n\
    [[file]]\npath = \"/usr/share/pages-texts/x\"\nsource = \"site/index.html\"\npackage = \"pages-texts\"\n\
    [[file]]\npath = \"/usr/share/pages-fonts/x\"\nsource = \"site/index.html\"\npackage = \"pages-fonts\"\n\
    [[file]]\npath = \"/etc/pages-tools\"\nsource = \"site/index.html\"\nowner = \"pages:root\"\npackage = \"pages-tools\"\n\
    [[file]]\npath = \"/usr/share/pages-rest/x\"\nsource = \"site/index.html\"\npackage = \"pages-rest\"\n\
    [app]\nkind = \"static\"\nfolder = \"site\"\n[site]\nserver-names = [\"pages.example.org\"]\n\
    [image]\npackages = [\"pages-tools\"]\n";

/// The folder with the three projects `first`, `second` and `third`; the image is `first/dist/both-1.0.0-linode.img.gz`.
pub fn built() -> PathBuf {
    let own = inputs();
    let all = [own.as_str(), BLOG, WORKER, TIMER, RELEASE, REQUIREMENTS, STYLE_SHEET, BLOG_TABLES, PAGES_TABLES];
    let inputs = all.concat();
    made("several", &inputs, |folder| {
        let [first, second, third] = ["first", "second", "third"].map(|name| folder.join(name));
        default_stack(&first);
        edit(&first.join("stack.toml"), "[database]", "[site]\ntls = \"self-signed\"\n\n[database]");
        write_project(&second, "blog", BLOG, BLOG_TABLES);
        fs::write(second.join("app/worker.py"), WORKER).unwrap();
        fs::write(second.join("app/tick.py"), TIMER).unwrap();
        fs::write(second.join("app/release.py"), RELEASE).unwrap();
        fs::write(second.join("requirements.txt"), REQUIREMENTS).unwrap();
        fs::create_dir(second.join("files")).unwrap();
        fs::write(second.join("files/blog.css"), STYLE_SHEET).unwrap();
        write_project(&third, "pages", "", PAGES_TABLES);
        edit(&third.join("stack.toml"), "[package]\nname = \"pages\"", "[[package]]\nname = \"pages\"");
        fs::create_dir(third.join("site")).unwrap();
        fs::write(third.join("site/index.html"), "<title>Pages</title>\n").unwrap();
        run(stackdeb().args(["image", "--name", "both", "first", "second", "third"]).current_dir(folder));
    })
}
