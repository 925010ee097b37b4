//! The report of the health check, in a real browser without a network.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use libtest_mimic::Trial;
use serde_json::Value;
use support::room::{unless, without_networks};
use support::{run, text};

use surroundings::{health_check, program, stderr, stdout, support_file, without_network, write_history};

pub fn trials() -> Vec<Trial> {
    let mut trials =
        support::tests![a_check_writes_the_page_and_report_prints_it, what_was_wrong_is_text_to_an_html_parser];
    trials.extend(unless(
        without_networks(),
        support::tests![
            each_sample_is_a_point_and_outages_are_shown,
            a_plot_shows_the_values,
            missing_checks_break_the_line,
            it_can_be_read_in_light_and_dark_and_on_a_telephone
        ],
    ));
    trials
}

/// A report on that history, in a file beside it.
fn report_on(history: &Path) -> PathBuf {
    let page = history.with_extension("html");
    let mut report = Command::new(program());
    report.args(["report", "--name", "stack", "--config", "/nowhere", "--history"]).arg(history);
    fs::write(&page, run(&mut report)).unwrap();
    page
}

/// Opens a page in a browser that has no network. Its document as the browser has it in the end, and what it complained of.
fn browse(page: &Path, options: &[&str]) -> (String, String) {
    let profile = tempfile::tempdir().unwrap();
    let mut browser = without_network("chromium-headless-shell");
    browser.args(["--no-sandbox", "--disable-gpu", "--enable-logging=stderr"]);
    browser.arg(format!("--user-data-dir={}", profile.path().display())).args(options).arg("--dump-dom");
    let output = browser.arg(format!("file://{}", page.display())).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{}: this test needs chromium-headless-shell", stderr(&output));
    let complaints = stderr(&output).lines().filter(|line| line.contains(":CONSOLE")).collect::<Vec<_>>().join("\n");
    (stdout(&output), complaints)
}

/// What examine.js finds in the page. The page lets no script run, so it is a copy that does.
fn examine(page: &Path, options: &[&str]) -> Value {
    let text = fs::read_to_string(page).unwrap();
    let (before, policy) = text.split_once("<meta http-equiv=\"Content-Security-Policy\"").unwrap();
    let (_, after) = policy.split_once(">\n").unwrap();
    let script = fs::read_to_string(support_file("examine.js")).unwrap();
    let copy = page.with_extension("examined.html");
    let end = format!("<script id=\"examine\">{script}</script>\n</body>");
    fs::write(&copy, format!("{before}{after}").replace("</body>", &end)).unwrap();
    let (document, complaints) = browse(&copy, options);
    assert_eq!(complaints, "");
    let (_, found) = document.split_once("<pre id=\"found\">").expect("the script did not run");
    let found = found.split_once("</pre>").unwrap().0;
    serde_json::from_str(&found.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")).unwrap()
}

fn each_sample_is_a_point_and_outages_are_shown() {
    let folder = tempfile::tempdir().unwrap();
    let history = folder.path().join("history");
    for (count, bad) in [(1, &[][..]), (2, &[]), (30, &[7, 8, 20]), (4320, &[1000, 1001, 1002, 4000, 4319])] {
        write_history(&history, count, bad);
        let page = report_on(&history);
        let (document, complaints) = browse(&page, &[]);
        assert_eq!(complaints, "", "{count}");
        assert!(document.contains("<svg id=\"cpu\"") && document.contains("</html>"), "{document}");

        let found = examine(&page, &["--window-size=1280,900"]);
        let plots = found["plots"].as_array().unwrap();
        let ids: Vec<_> = plots.iter().map(|plot| plot["id"].as_str().unwrap()).collect();
        assert_eq!(ids, ["outages", "cpu", "memory", "disk", "response", "load"]);
        for plot in plots {
            let id = plot["id"].as_str().unwrap();
            assert!(plot["shown"] == true && plot["inside"] == true, "{count} {plot}");
            assert!(!plot["label"].as_str().unwrap().is_empty() && !plot["description"].as_str().unwrap().is_empty());
            if id == "outages" {
                continue;
            }
            // A site that does not answer has no response time.
            let missing = if id == "response" { bad.len() } else { 0 };
            assert_eq!(plot["points"], count - missing, "{count} {id}");
            assert_eq!(plot["stretches"] == 1, missing == 0 || bad == [count - 1], "{count} {id}");
            let tooltips = plot["tooltips"].as_array().unwrap();
            assert_eq!(tooltips.len(), count.min(if count > 150 { 149 } else { 150 }), "{count} {id}");
            assert!(plot["pointed"] == true && tooltips[0].as_str().unwrap().starts_with("20"), "{plot}");
        }
        let outages = bad.chunk_by(|a, b| a + 1 == *b).count();
        assert_eq!(plots[0]["outages"], outages);
        assert_eq!(found["title"], "Health of stack");
        let verdict = found["verdict"].as_str().unwrap();
        assert_eq!(verdict.starts_with("Unhealthy since 20"), bad.contains(&(count - 1)), "{verdict}");
        assert_eq!((&found["foreign"], &found["fetched"]), (&Value::from(0), &Value::from(Vec::<Value>::new())));
        // What was wrong stands there as it was said, and is no markup.
        let rows = found["rows"].as_array().unwrap();
        let told = rows.iter().filter(|row| row[3] == "the site <i>fell</i> & \"broke\"").count();
        assert_eq!(told, outages);
    }
}

fn a_plot_shows_the_values() {
    let folder = tempfile::tempdir().unwrap();
    let history = folder.path().join("history");
    // CPU goes from 0 to 99.9 per cent: from the plot's bottom, at 1600 tenths, nearly to its top.
    write_history(&history, 1000, &[]);
    let found = examine(&report_on(&history), &[]);
    let heights: Vec<f64> =
        found["plots"][1]["heights"].as_array().unwrap().iter().map(|y| y.as_f64().unwrap()).collect();
    assert!(heights.windows(2).all(|pair| pair[1] <= pair[0]), "{heights:?}");
    assert_eq!((heights[0], heights[500], heights[999]), (1600.0, 800.0, 1.0));
    assert_eq!(found["plots"][1]["description"], "Now 99.9%; 50.0% on average, 99.9% at most.");
    let tooltip = found["plots"][1]["tooltips"][0].as_str().unwrap();
    assert!(tooltip.ends_with(": 0.3% on average, 0.6% at most"), "{tooltip}");
    let days = found["rows"].as_array().unwrap();
    assert!((7..=9).contains(&days.len()) && days[1][1] == "144" && days[1][2] == "100.0%", "{days:?}");
}

fn missing_checks_break_the_line() {
    let folder = tempfile::tempdir().unwrap();
    let history = folder.path().join("history");
    write_history(&history, 30, &[]);
    let lines = fs::read_to_string(&history).unwrap();
    let kept = lines.lines().enumerate().filter(|(number, _)| !(10..20).contains(number) && *number != 28);
    fs::write(&history, kept.map(|(_, line)| format!("{line}\n")).collect::<String>()).unwrap();
    let found = examine(&report_on(&history), &[]);
    // A single check that is late or lost makes no gap.
    assert_eq!((&found["plots"][1]["points"], &found["plots"][1]["stretches"]), (&19.into(), &2.into()));
    // A clock that went wrong: what is to come has not been.
    fs::write(&history, format!("{lines}99999999999\t1.0\t1.0\t1.0\t1.00\t1\tok\t\n")).unwrap();
    assert_eq!(examine(&report_on(&history), &[])["plots"][1]["points"], 30);
    fs::write(&history, "").unwrap();
    let (document, complaints) = browse(&report_on(&history), &[]);
    assert!(document.contains("No check has been recorded yet.") && complaints.is_empty(), "{document}{complaints}");
}

fn it_can_be_read_in_light_and_dark_and_on_a_telephone() {
    let folder = tempfile::tempdir().unwrap();
    let history = folder.path().join("history");
    write_history(&history, 200, &[50, 51, 199]);
    let page = report_on(&history);
    let light = examine(&page, &["--blink-settings=preferredColorScheme=1", "--window-size=1280,900"]);
    let dark = examine(&page, &["--blink-settings=preferredColorScheme=0", "--window-size=1280,900"]);
    let narrow = examine(&page, &["--window-size=500,900"]);
    assert_eq!((&light["dark"], &dark["dark"]), (&false.into(), &true.into()));
    assert_ne!(light["paper"], dark["paper"]);
    for found in [&light, &dark] {
        // Web Content Accessibility Guidelines 2.2, 1.4.3 and 1.4.11: text, and what a picture is understood by.
        assert!(found["text"].as_f64().unwrap() >= 4.5, "{}", found["text"]);
        let plots = found["plots"].as_array().unwrap();
        assert!(plots.iter().all(|plot| plot["line"].as_f64().unwrap() >= 3.0), "{plots:?}");
    }
    for found in [&light, &dark, &narrow] {
        assert_eq!(found["overflows"], false);
    }
}

fn a_check_writes_the_page_and_report_prints_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    write_history(&path("history"), 3, &[]);
    let (history, page) = (path("history"), path("page.html"));
    let output = health_check(&["--history", history.to_str().unwrap(), "--page", page.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let written = fs::read_to_string(&page).unwrap();
    assert!(written.contains("4 checks from "), "{written}");

    let report = |history: &Path| {
        let mut report = Command::new(program());
        report.args(["report", "--name", "stack", "--config"]).arg(path("health.toml")).arg("--history").arg(history);
        report
    };
    // The check's memory limit was given on its command line.
    fs::write(path("health.toml"), "max_ram = 100").unwrap();
    assert_eq!(run(&mut report(&history)), written);
    fs::write(path("health.toml"), "max_rom = 100").unwrap();
    let output = report(&history).output().unwrap();
    assert!(output.status.success() && stderr(&output).contains("did you mean `max_ram`?"), "{}", stderr(&output));
    let output = report(&path("none")).output().unwrap();
    assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(1), ""));
    assert!(stderr(&output).contains("cannot read the history "), "{}", stderr(&output));
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = report(&history).stdout(full).output().unwrap();
    assert!(
        output.status.code() == Some(1) && stderr(&output).contains("cannot write the page: "),
        "{}",
        text(&output)
    );
    // Without --history, it is the one that the package keeps.
    let output = Command::new(program()).args(["report", "--name", "no-such-stack"]).output().unwrap();
    assert!(stderr(&output).contains("cannot read the history /var/lib/no-such-stack/health/history: "));
}

/// What a program of others has said is in the report as text: as an HTML parser has it, with the same elements as ever.
fn what_was_wrong_is_text_to_an_html_parser() {
    let said = [
        "</td></tr></table><script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "&lt;b&gt; &amp; &#60; &notit;",
        "\" onload=\"x' onmouseover='y",
        "<!-- ]]> <![CDATA[ ?> {{ name }} {% if %}",
        "\u{202e}gnp.exe ünïcode ☃",
        "plain",
    ];
    let read = "import html.parser, json, sys
class Reader(html.parser.HTMLParser):
    tags, cells, cell = [], [], None
    def handle_starttag(self, tag, attributes):
        self.tags.append([tag, sorted(name for name, _ in attributes)])
        self.cell = [] if tag == 'td' else self.cell
    def handle_endtag(self, tag):
        if tag == 'td':
            self.cells.append(''.join(self.cell)); self.cell = None
    def handle_data(self, data):
        if self.cell is not None: self.cell.append(data)
reader = Reader()
reader.feed(open(sys.argv[1]).read())
json.dump({'tags': reader.tags, 'cells': reader.cells}, sys.stdout)";
    let folder = tempfile::tempdir().unwrap();
    let history = folder.path().join("history");
    let reports = said.map(|words| {
        write_history(&history, 30, &[7]);
        let lines = fs::read_to_string(&history).unwrap();
        assert!(lines.contains("the site <i>fell</i> & \"broke\""));
        fs::write(&history, lines.replace("the site <i>fell</i> & \"broke\"", words)).unwrap();
        let page = report_on(&history);
        let mut python = Command::new("python3");
        let found: Value = serde_json::from_str(&run(python.args(["-c", read]).arg(&page))).unwrap();
        let cells = found["cells"].as_array().unwrap();
        assert_eq!(cells.iter().filter(|cell| **cell == *words).count(), 1, "{words}: {cells:?}");
        found["tags"].clone()
    });
    assert!(reports[0].as_array().unwrap().len() > 50);
    for tags in &reports {
        assert_eq!(tags, reports.last().unwrap());
    }
}
