//! `stackdeb boot --watch`: what is changed in the project is soon in the machine that runs.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use support::edition::edit;
use support::machine::{BOOT_LIMIT, Machine};
use support::server::Server;
use support::text;

/// Changes the project `watched` of the machine. In the end the app is as it was, and has a package beside it.
pub fn change_is_soon_there(machine: &Machine, watched: &Path) {
    wait_for_words(machine, "Ctrl-C switches the machine off");
    let app = watched.join("app/app.py");
    let sound = fs::read_to_string(&app).unwrap();
    // A mistake, which does not end the boot.
    let manifest = watched.join("stack.toml");
    let before = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, format!("{before}\n[odd]\n")).unwrap();
    wait_for_words(machine, "odd");
    fs::write(&manifest, &before).unwrap();
    edit(&app, "Hello from Flask via systemd!", "Changed while it runs.");
    wait_for_page(machine, "Changed while it runs.");
    wait_for_words(machine, "stack_1.0.0_amd64.deb is in the machine: built in ");
    // Once more, which finds the machine as it is now, and with a further package that has to be configured first.
    let tools = "[[package]]\nname = \"stack-tools\"\nsummary = \"tools for the staff\"\n\
        [[file]]\npath = \"/usr/share/stack-tools/app\"\nsource = \"app/app.py\"\npackage = \"stack-tools\"\n\n[database]";
    let with_tools = before.replacen("[package]", "[[package]]", 1).replacen("[database]", tools, 1);
    let with_tools = with_tools.replacen("\nlicense =", "\npre-depends = [\"stack-tools\"]\nlicense =", 1);
    fs::write(&app, sound).unwrap();
    fs::write(&manifest, with_tools).unwrap();
    wait_for_words(machine, "stack_1.0.0_amd64.deb, stack-tools_1.0.0_all.deb are in the machine: built in ");
    wait_for_page(machine, "Hello from Flask via systemd!");
    println!("{}", told(machine).join("\n"));
}

/// What was said about each installation.
fn told(machine: &Machine) -> Vec<String> {
    machine.console().lines().filter(|line| line.contains(" in the machine: built")).map(str::to_owned).collect()
}

/// Waits until the first page has these words.
#[track_caller]
fn wait_for_page(machine: &Machine, words: &str) {
    // While the package is installed, there may be no answer.
    let page = || text(&Command::new("curl").args(["-s", "-m", "20", &machine.url]).output().unwrap());
    wait(machine, &format!("the page `{words}`"), || page().contains(words));
}

#[track_caller]
fn wait_for_words(machine: &Machine, words: &str) {
    wait(machine, &format!("`{words}`"), || machine.console().contains(words));
}

#[track_caller]
fn wait(machine: &Machine, what: &str, is_there: impl Fn() -> bool) {
    let begin = Instant::now();
    while !is_there() {
        assert!(begin.elapsed() < BOOT_LIMIT, "{what} does not come:\n{}", machine.console());
        thread::sleep(Duration::from_millis(500));
    }
}
