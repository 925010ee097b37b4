//! The long description as `stack.toml` has it → lines as the control file has them (Debian Policy 5.6.13): paragraphs are
//! filled, items of a list begin lines of their own, and a line that begins with a space stays as it is.

/// The widest line, in characters: with the space before it, 80 fit a terminal.
const WIDTH: usize = 79;

/// Breaks the paragraphs and the items of a description into lines of at most [`WIDTH`] characters, because some programs
/// show the lines as they are. No line begins with a full stop, which Policy keeps for later use, unless a paragraph does:
/// the line is then shorter or longer than usual.
pub(super) fn filled(description: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    // What the next line of the open paragraph begins with; `None` when no paragraph is open.
    let mut open: Option<&str> = None;
    for line in description.lines() {
        if line.trim().is_empty() {
            lines.push(String::new());
            open = None;
            continue;
        }
        if line.starts_with([' ', '\t']) && !is_continued_item(line, open) {
            lines.push(line.to_owned());
            open = None;
            continue;
        }
        let mut words = line.split_whitespace();
        if is_item(line) {
            // A line that begins with a space is shown as it is. The lines after the first stand below its text.
            lines.push(format!(" {}", words.next().unwrap_or_default()));
            open = Some(ITEM);
        } else if open.is_none() {
            lines.push(words.next().unwrap_or_default().to_owned());
            open = Some("");
        }
        for word in words {
            append(&mut lines, word, open.unwrap_or_default());
        }
    }
    lines.join("\n")
}

/// What the further lines of an item begin with.
const ITEM: &str = "   ";

/// Whether a line is an item of a list: `- one`, `* one`, `+ one`, `• one`, `1. one` or `1) one`.
fn is_item(line: &str) -> bool {
    let Some((mark, rest)) = line.split_once(' ') else { return false };
    let number = mark.strip_suffix(['.', ')']).is_some_and(|digits| {
        !digits.is_empty() && digits.len() <= 3 && digits.bytes().all(|byte| byte.is_ascii_digit())
    });
    !rest.trim().is_empty() && (matches!(mark, "-" | "*" | "+" | "•") || number)
}

/// Whether an indented line goes on with the item of a list above it.
fn is_continued_item(line: &str, open: Option<&str>) -> bool {
    open == Some(ITEM) && !is_item(line.trim_start())
}

/// Adds a word to the last line, or to a new one that begins with `indent`.
fn append(lines: &mut Vec<String>, word: &str, indent: &str) {
    let Some(last) = lines.last_mut() else { return };
    let width = last.chars().count().saturating_add(1).saturating_add(word.chars().count());
    if width <= WIDTH {
        last.push(' ');
        last.push_str(word);
        return;
    }
    if !word.starts_with('.') || !indent.is_empty() {
        lines.push(format!("{indent}{word}"));
        return;
    }
    // The word before it moves to the next line, too. If no word can begin a line, this line becomes longer than usual.
    match last.rfind(' ').and_then(|at| last.split_at_checked(at)) {
        Some((rest, before)) if !before.trim_start().starts_with('.') => {
            let line = format!("{} {word}", before.trim_start());
            *last = rest.to_owned();
            lines.push(line);
        }
        _ => {
            last.push(' ');
            last.push_str(word);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_are_filled_and_verbatim_lines_stay() {
        let word = "0123456789".repeat(3);
        let text = format!("{word} {word}\n{word}\n\n  verbatim {word} {word} {word}\nshort\nlines");
        let expected = format!("{word} {word}\n{word}\n\n  verbatim {word} {word} {word}\nshort lines");
        assert_eq!(filled(&text), expected);
        assert!(filled(&"ab ".repeat(100)).lines().all(|line| line.len() <= WIDTH));
    }

    #[test]
    fn no_line_begins_with_a_full_stop() {
        for length in 60..90 {
            for words in [".env file", ".a .b .c", "x .env"] {
                let text = format!("{} {words}", "ab ".repeat(length).trim_end());
                let filled = filled(&text);
                assert!(filled.lines().all(|line| !line.starts_with('.')), "{filled}");
                assert_eq!(filled.split_whitespace().collect::<Vec<_>>(), text.split_whitespace().collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn a_list_stays_a_list() {
        let long = "word ".repeat(30);
        let text = format!("It does:\n- one\n- two\n  more of two\n* {long}\n1. three\n\nThe end - so far.");
        let lines: Vec<String> = filled(&text).lines().map(str::to_owned).collect();
        assert_eq!(lines[..3], ["It does:", " - one", " - two more of two"]);
        assert!(lines[3].starts_with(" * word") && lines[4].starts_with("   word"), "{lines:?}");
        assert!(lines.contains(&" 1. three".to_owned()) && lines.last().unwrap() == "The end - so far.", "{lines:?}");
        assert!(lines.iter().all(|line| line.chars().count() <= WIDTH), "{lines:?}");
    }
}
