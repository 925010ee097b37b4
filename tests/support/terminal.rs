//! A person at a terminal, for programs that ask nowhere else: a command runs on a terminal of its own, and each of its
//! questions gets an answer once it is there.

/// Its arguments are the number of questions, each question with its answer, and the command. It prints what the terminal
/// shows, and ends as the command does. The command ends with it: after three minutes, or when it does not ask.
const PERSON: &str = r#"
import os, pty, signal, sys

words = sys.argv[1:]
dialogue = [(words.pop(0).encode(), words.pop(0).encode()) for _ in range(int(words.pop(0)))]
signal.alarm(180)
child, terminal = pty.fork()
if child == 0:
    os.environ["TERM"] = "dumb"
    os.execvp(words[0], words)


def read():
    try:
        shown = os.read(terminal, 65536)
    except OSError:
        # The last process that had the terminal has ended.
        shown = b""
    sys.stdout.buffer.write(shown)
    sys.stdout.buffer.flush()
    return shown


shown = b""
for question, answer in dialogue:
    while question not in shown:
        more = read()
        if not more:
            sys.exit(f"it has not asked `{question.decode()}`")
        shown += more
    shown = shown.split(question, 1)[1]
    os.write(terminal, answer + b"\n")
while read():
    pass
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"#;

/// The words before a command that give it a terminal, and these answers to these questions, in their order.
pub fn words(answers: &[(&str, &str)]) -> Vec<String> {
    let mut words = vec!["python3".to_owned(), "-c".to_owned(), PERSON.to_owned(), answers.len().to_string()];
    words.extend(answers.iter().flat_map(|(question, answer)| [(*question).to_owned(), (*answer).to_owned()]));
    words
}

/// A script as one command of a shell, with the same.
pub fn answered(script: &str, answers: &[(&str, &str)]) -> String {
    let mut words = words(answers);
    words.extend(["bash", "-euc", script].map(str::to_owned));
    words.iter().map(|word| format!("'{}'", word.replace('\'', "'\\''"))).collect::<Vec<_>>().join(" ")
}
