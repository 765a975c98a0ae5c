//! A Markdown page as its reader uses it: files to write, commands to give, and what those answer.

use crate::process::repository;
use std::path::Path;

/// Languages of blocks that hold commands.
const SHELLS: [&str; 4] = ["console", "sh", "shell", "bash"];
/// What stands before a command in a block.
const PROMPT: &str = "$ ";

/// One of the repository's pages.
#[derive(Debug)]
pub(super) struct Page {
    /// Its path in the repository.
    pub(super) file: String,
    pub(super) blocks: Vec<Block>,
    /// What the prose names in backticks.
    pub(super) spans: Vec<String>,
}

/// A fenced block.
#[derive(Debug, Default)]
pub(super) struct Block {
    /// The nearest heading above it.
    pub(super) heading: String,
    pub(super) language: String,
    /// What the prose named last before it: the file it is, if it is one.
    pub(super) named: String,
    pub(super) lines: Vec<String>,
}

/// A command, and the lines it is shown to answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Command {
    pub(super) line: String,
    pub(super) answers: Vec<String>,
}

impl Page {
    pub(super) fn read(file: &str) -> Self {
        let text = std::fs::read(repository().join(file)).unwrap();
        Self::parse(file, &String::from_utf8(text).unwrap())
    }

    fn parse(file: &str, text: &str) -> Self {
        let mut page = Self {
            file: file.to_owned(),
            blocks: Vec::new(),
            spans: Vec::new(),
        };
        let mut heading = String::new();
        let mut open = None::<Block>;
        for line in text.lines() {
            match (line.strip_prefix("```"), open.take()) {
                (Some(language), None) => {
                    open = Some(Block {
                        heading: heading.clone(),
                        language: language.to_owned(),
                        named: page.spans.last().cloned().unwrap_or_default(),
                        lines: Vec::new(),
                    });
                }
                (Some(_), Some(block)) => page.blocks.push(block),
                (None, Some(mut block)) => {
                    block.lines.push(line.to_owned());
                    open = Some(block);
                }
                (None, None) => {
                    if line.starts_with('#') {
                        line.trim_start_matches('#').trim().clone_into(&mut heading);
                    }
                    page.spans
                        .extend(line.split('`').skip(1).step_by(2).map(str::to_owned));
                }
            }
        }
        assert!(open.is_none(), "{file}: a block without an end");
        page
    }

    /// The blocks below one heading.
    pub(super) fn section(&self, heading: &str) -> Vec<&Block> {
        self.blocks
            .iter()
            .filter(|block| block.heading == heading)
            .collect()
    }
}

impl Block {
    pub(super) fn is_commands(&self) -> bool {
        SHELLS.contains(&self.language.as_str())
    }

    /// The file that this block is, when it is one: the prose before it ends with its path.
    pub(super) fn file(&self) -> Option<&Path> {
        let named = Path::new(&self.named);
        (!self.is_commands() && named.extension().is_some()).then_some(named)
    }

    /// The commands, each with what it is shown to answer.
    pub(super) fn commands(&self) -> Vec<Command> {
        let mut commands = Vec::<Command>::new();
        let mut continued = false;
        for line in &self.lines {
            match (line.strip_prefix(PROMPT), commands.last_mut()) {
                (Some(line), _) => commands.push(Command {
                    line: line.to_owned(),
                    answers: Vec::new(),
                }),
                (None, Some(last)) if continued => {
                    last.line.push('\n');
                    last.line.push_str(line);
                }
                (None, Some(last)) => last.answers.push(line.clone()),
                (None, None) => panic!("a block of commands begins with {PROMPT:?}, not with {line:?}"),
            }
            continued = line.ends_with('\\');
        }
        commands
    }
}

/// Whether `shown` is in `answered`, line by line and in order. `…` stands for anything: for lines when it is alone on
/// one, within a line for text.
pub(super) fn holds(answered: &str, shown: &[String]) -> bool {
    let mut answered = answered.lines().map(str::trim_end);
    let mut shown = shown.iter().filter(|line| *line != "…");
    shown.all(|shown| answered.any(|line| like(line, shown)))
}

fn like(line: &str, shown: &str) -> bool {
    let mut pieces = shown.split('…').collect::<Vec<_>>();
    let last = pieces.pop().unwrap_or_default();
    let mut rest = line;
    for (number, piece) in pieces.iter().enumerate() {
        let found = match (number, rest.find(piece)) {
            (0, Some(at)) => (at == 0).then_some(at),
            (_, found) => found,
        };
        let Some(at) = found else { return false };
        rest = &rest[at + piece.len()..];
    }
    if pieces.is_empty() {
        line == last
    } else {
        rest.ends_with(last)
    }
}

#[test]
fn a_page_is_files_commands_and_answers() {
    let text = "# Top\nSay `a` and write `x/y.toml`:\n```toml\nb = 1\n```\n## Try\nThen `c d`.\n```console\n$ one \\\n  more\n\
                HTTP/1.1 200 OK\n…\n$ two\n```\n";
    let page = Page::parse("x.md", text);
    assert_eq!(page.spans, ["a", "x/y.toml", "c d"]);
    assert_eq!(page.section("Top")[0].file(), Some(Path::new("x/y.toml")));
    let commands = page.section("Try")[0].commands();
    assert_eq!(commands[0].line, "one \\\n  more");
    assert_eq!(commands[0].answers, ["HTTP/1.1 200 OK", "…"]);
    assert_eq!((commands[1].line.as_str(), commands[1].answers.len()), ("two", 0));
}

#[test]
fn what_is_shown_is_looked_for_in_order() {
    let check = |answered: &str, shown: &[&str], expect: bool| {
        let shown = shown.iter().map(|&line| line.to_owned()).collect::<Vec<_>>();
        assert_eq!(holds(answered, &shown), expect, "{shown:?} in {answered:?}");
    };
    check(
        "HTTP/1.1 200 OK\r\nA: b\r\n\r\nbody",
        &["HTTP/1.1 200 OK", "…", "body"],
        true,
    );
    check("body\nHTTP/1.1 200 OK", &["HTTP/1.1 200 OK", "body"], false);
    check("HTTP/1.1 401 Unauthorized", &["HTTP/1.1 200 OK"], false);
    check(
        "{\"a\":1,\"reason\":\"x\",\"b\":2}",
        &["{…\"reason\":\"x\"…}"],
        true,
    );
    check(
        "{\"a\":1,\"reason\":\"y\",\"b\":2}",
        &["{…\"reason\":\"x\"…}"],
        false,
    );
    check("xa", &["a…"], false);
    check("ab", &["a…c"], false);
    check("", &[], true);
}
