//! Radicale: an appointment that a calendar program has stored is there after an upgrade, and only for its owner.

use super::{Application, Browser, run_there};
use crate::container::Container;

pub(super) const CALENDARS: Application = Application { name: "calendars", write, read };

const ADA: [&str; 2] = ["-u", "ada:correct-horse"];

const DINNER: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//example.org//EN\r\nBEGIN:VEVENT\r\nUID:dinner\r\n\
    DTSTAMP:20261126T100000Z\r\nDTSTART:20261224T190000Z\r\nSUMMARY:Dinner with Charles\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

fn write(machine: &Container, browser: &Browser) {
    let users = "import bcrypt; print('ada:' + bcrypt.hashpw(b'correct-horse', bcrypt.gensalt(4)).decode(), \
        file=open('/var/lib/calendars/app/users', 'w'))";
    run_there(machine, "calendars", &format!("python -c \"{users}\""));
    let ask = |path: &str, further: &[&str]| browser.ask(path, &[&ADA, further].concat());
    let (status, body) = ask("/ada/home/", &["-X", "MKCALENDAR"]);
    assert_eq!(status, 201, "{body}");
    let (status, body) =
        ask("/ada/home/dinner.ics", &["-X", "PUT", "-H", "Content-Type: text/calendar", "--data-binary", DINNER]);
    assert_eq!(status, 201, "{body}");
}

fn read(_machine: &Container, browser: &Browser) {
    let (status, body) = browser.ask("/ada/home/dinner.ics", &ADA);
    assert!(status == 200 && body.contains("SUMMARY:Dinner with Charles"), "{status}: {body}");
    let filter = "<?xml version=\"1.0\"?><propfind xmlns=\"DAV:\"><prop><getetag/></prop></propfind>";
    let (status, body) =
        browser.ask("/ada/home/", &[&ADA[..], &["-X", "PROPFIND", "-H", "Depth: 1", "--data-binary", filter]].concat());
    assert!(status == 207 && body.contains("/ada/home/dinner.ics"), "{status}: {body}");
    assert_eq!(browser.ask("/ada/home/dinner.ics", &["-u", "ada:wrong"]).0, 401);
}
