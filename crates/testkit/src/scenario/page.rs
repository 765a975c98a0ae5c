//! Reads a page: prose is passed over, fenced blocks become steps, and a table of cases repeats the request above it.

use std::fmt;

/// One page.
#[derive(Clone, Debug)]
pub struct Page {
    /// Its path under the folder of scenarios: `tokens/expiry.md`.
    pub name: String,
    /// What it does, in order.
    pub steps: Vec<Step>,
}

/// One step and the line it begins at.
#[derive(Clone, Debug)]
pub struct Step {
    /// The line of the page, from 1.
    pub line: usize,
    /// What happens.
    pub what: What,
}

/// What a step does.
#[derive(Clone, Debug)]
pub enum What {
    /// A new world with this configuration; the name of a shared one comes first.
    Configure {
        /// The shared configuration the text continues, if any.
        shared: Option<String>,
        /// The text.
        text: String,
    },
    /// A configuration that is refused, and what is said about it.
    Refuse {
        /// The text.
        text: String,
        /// What must stand in the diagnostics, a piece a line.
        answer: Vec<String>,
        /// Whether it is refused by the running gateway, which goes on with the one it has.
        reload: bool,
    },
    /// The running gateway takes another configuration.
    Reload {
        /// The text.
        text: String,
    },
    /// The world changes, one change a line.
    World(Vec<Line>),
    /// An issuer gets these keys.
    Keys {
        /// The issuer's name.
        issuer: String,
        /// A JSON array.
        text: String,
    },
    /// A client's certificate.
    Certificate {
        /// The name by which requests bring it.
        name: String,
        /// A JSON object that describes it.
        text: String,
    },
    /// A file beside the configuration.
    File {
        /// Its name.
        name: String,
        /// What stands in it.
        text: String,
    },
    /// A request and its answer.
    Ask(Ask),
}

/// A line of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its number, from 1.
    pub number: usize,
    /// What stands there.
    pub text: String,
}

/// A request and the answer it must get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// What stands on the info line: `token=ann`, `at=+61m`.
    pub attributes: Vec<(String, String)>,
    /// The request.
    pub request: String,
    /// The lines of the answer block.
    pub answer: Vec<Line>,
}

/// Why a page cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageError {
    /// Where.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for PageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.line, self.message)
    }
}

/// Blocks of these languages show something to the reader and are not run.
const SHOWN: [&str; 6] = ["text", "sh", "nginx", "yaml", "caddyfile", "log"];

/// Columns of a table that are there for the reader.
const PROSE_COLUMNS: [&str; 4] = ["what", "why", "row", "because"];

impl Page {
    /// Reads the page called `name`. A page asks something and says the answer, or it is refused.
    pub fn parse(name: &str, text: &str) -> Result<Self, PageError> {
        let mut steps = Vec::new();
        let mut waiting = None::<Waiting>;
        for item in items(text)? {
            match item {
                Item::Block(block) => {
                    if block.words.first().is_some_and(|word| word == "answer") {
                        let waiting = waiting
                            .as_mut()
                            .ok_or(error(block.line, "an answer to nothing"))?;
                        if waiting.answer.replace(block.lines()).is_some() {
                            return Err(error(block.line, "a second answer to one request"));
                        }
                        continue;
                    }
                    flush(&mut waiting, &mut steps)?;
                    step(block, &mut waiting, &mut steps)?;
                }
                Item::Table(rows) => {
                    let waiting = waiting.as_mut().filter(|waiting| waiting.table.is_none());
                    match waiting {
                        Some(waiting) => waiting.table = Some(rows),
                        // Any other table is prose, unless it looks like one that lost its request.
                        None if rows
                            .first()
                            .is_some_and(|row| row.cells.contains(&"answer".into())) =>
                        {
                            return Err(error(
                                rows[0].line,
                                "a table of answers without a request above it",
                            ));
                        }
                        None => {}
                    }
                }
            }
        }
        flush(&mut waiting, &mut steps)?;
        let asks = |step: &Step| matches!(step.what, What::Ask(_) | What::Refuse { .. });
        if !text.starts_with("# ") {
            return Err(error(1, "the page does not begin with its title"));
        }
        if steps.iter().any(asks) {
            Ok(Self {
                name: name.to_owned(),
                steps,
            })
        } else {
            Err(error(1, "the page asks nothing, so it shows nothing"))
        }
    }
}

fn error(line: usize, message: impl Into<String>) -> PageError {
    PageError {
        line,
        message: message.into(),
    }
}

/// A request (or a bad configuration) whose answer has not come yet.
#[derive(Debug)]
struct Waiting {
    block: Block,
    refused: bool,
    answer: Option<Vec<Line>>,
    table: Option<Vec<Row>>,
}

#[derive(Debug)]
enum Item {
    Block(Block),
    Table(Vec<Row>),
}

#[derive(Debug)]
struct Block {
    line: usize,
    words: Vec<String>,
    body: Vec<String>,
}

#[derive(Debug)]
struct Row {
    line: usize,
    cells: Vec<String>,
}

impl Block {
    fn text(&self) -> String {
        self.body
            .iter()
            .fold(String::new(), |text, line| text + line + "\n")
    }

    fn lines(&self) -> Vec<Line> {
        let lines = self.body.iter().enumerate();
        let lines = lines.map(|(at, text)| Line {
            number: self.line + 1 + at,
            text: text.trim().to_owned(),
        });
        lines.filter(|line| !line.text.is_empty()).collect()
    }

    fn attribute(&self, name: &str) -> Option<&str> {
        self.words
            .iter()
            .find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
    }
}

/// Blocks and tables, in order.
fn items(text: &str) -> Result<Vec<Item>, PageError> {
    let mut items = Vec::new();
    let mut table = Vec::new();
    let mut lines = text.lines().enumerate().map(|(at, line)| (at + 1, line));
    while let Some((number, line)) = lines.next() {
        if line.starts_with('|') {
            table.push(Row {
                line: number,
                cells: cells(line),
            });
            continue;
        }
        if !table.is_empty() {
            items.push(Item::Table(without_rule(std::mem::take(&mut table))));
        }
        let Some(info) = line.strip_prefix("```") else {
            continue;
        };
        let ticks = info.bytes().take_while(|byte| *byte == b'`').count();
        let fence = &line[..3 + ticks];
        let words = words(&info[ticks..]).map_err(|message| error(number, message))?;
        let mut body = Vec::new();
        loop {
            match lines.next() {
                Some((_, line)) if line.trim_end() == fence => break,
                Some((_, line)) => body.push(line.to_owned()),
                None => return Err(error(number, "the block does not end")),
            }
        }
        items.push(Item::Block(Block {
            line: number,
            words,
            body,
        }));
    }
    if !table.is_empty() {
        items.push(Item::Table(without_rule(table)));
    }
    Ok(items)
}

/// The cells of a table's line; a cell wholly in backticks is taken as it stands, without them.
fn cells(line: &str) -> Vec<String> {
    const BAR: &str = "\u{1}";
    let line = line.replace("\\|", BAR);
    let inner = line.trim().trim_start_matches('|').trim_end_matches('|');
    let cell = |text: &str| {
        let text = text.trim().replace(BAR, "|");
        let bare = text.strip_prefix('`').and_then(|text| text.strip_suffix('`'));
        bare.filter(|bare| !bare.contains('`'))
            .unwrap_or(&text)
            .to_owned()
    };
    inner.split('|').map(cell).collect()
}

/// A table without the line of dashes under its head.
fn without_rule(mut rows: Vec<Row>) -> Vec<Row> {
    let is_rule = |cell: &String| !cell.is_empty() && cell.bytes().all(|byte| byte == b'-' || byte == b':');
    rows.retain(|row| !row.cells.iter().all(is_rule));
    rows
}

/// Splits an info line at spaces; what stands in single quotes is one word, without them.
fn words(text: &str) -> Result<Vec<String>, String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for character in text.trim().chars() {
        match character {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            other => words.last_mut().into_iter().for_each(|word| word.push(other)),
        }
    }
    words.retain(|word| !word.is_empty());
    if quoted {
        Err("a quote is not closed".into())
    } else {
        Ok(words)
    }
}

/// Turns a block into a step, or leaves it waiting for its answer.
fn step(block: Block, waiting: &mut Option<Waiting>, steps: &mut Vec<Step>) -> Result<(), PageError> {
    let line = block.line;
    let language = block.words.first().map_or("", String::as_str);
    let second = block.words.get(1).map_or("", String::as_str);
    let wait = |refused| Waiting {
        block: Block {
            line,
            words: Vec::new(),
            body: Vec::new(),
        },
        refused,
        answer: None,
        table: None,
    };
    let what = match (language, second) {
        ("toml", "refused") => {
            *waiting = Some(Waiting { block, ..wait(true) });
            return Ok(());
        }
        ("http", _) => {
            *waiting = Some(Waiting { block, ..wait(false) });
            return Ok(());
        }
        ("toml", "reload") => What::Reload { text: block.text() },
        ("toml", word) if word == "config" || word.starts_with("config=") => What::Configure {
            shared: block.attribute("config").map(str::to_owned),
            text: block.text(),
        },
        ("world", "") => What::World(block.lines()),
        (language, _) => {
            if let Some(issuer) = block.attribute("keys") {
                What::Keys {
                    issuer: issuer.to_owned(),
                    text: block.text(),
                }
            } else if let Some(name) = block.attribute("certificate") {
                What::Certificate {
                    name: name.to_owned(),
                    text: block.text(),
                }
            } else if let Some(name) = block.attribute("file") {
                What::File {
                    name: name.to_owned(),
                    text: block.text(),
                }
            } else if SHOWN.contains(&language) {
                return Ok(());
            } else {
                return Err(error(
                    line,
                    format!("a block that nobody understands: {}", block.words.join(" ")),
                ));
            }
        }
    };
    steps.push(Step { line, what });
    Ok(())
}

/// Makes the steps of what waits, now that everything about it was read.
fn flush(waiting: &mut Option<Waiting>, steps: &mut Vec<Step>) -> Result<(), PageError> {
    let Some(Waiting {
        block,
        refused,
        answer,
        table,
    }) = waiting.take()
    else {
        return Ok(());
    };
    let line = block.line;
    if refused {
        let answer = answer.ok_or(error(line, "a refused configuration without an answer"))?;
        let answer = answer.into_iter().map(|line| line.text).collect();
        let what = What::Refuse {
            text: block.text(),
            answer,
            reload: block.words.iter().any(|word| word == "reload"),
        };
        steps.push(Step { line, what });
        return Ok(());
    }
    let attributes = block.words.iter().skip(1).map(|word| {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        (name.to_owned(), value.to_owned())
    });
    let ask = Ask {
        attributes: attributes.collect(),
        request: block.text(),
        answer: answer.unwrap_or_default(),
    };
    match table {
        None if ask.answer.is_empty() => Err(error(line, "a request without an answer")),
        None => {
            let what = What::Ask(ask);
            steps.push(Step { line, what });
            Ok(())
        }
        Some(rows) => cases(&ask, &rows, steps),
    }
}

/// One step for each row: `<column>` in request, attributes and answer is replaced by the row's cell.
fn cases(ask: &Ask, rows: &[Row], steps: &mut Vec<Step>) -> Result<(), PageError> {
    let (head, rows) = rows.split_first().ok_or(error(0, "an empty table"))?;
    if rows.is_empty() {
        return Err(error(head.line, "a table without rows"));
    }
    let everything = format!("{ask:?}");
    for column in &head.cells {
        let used = everything.contains(&format!("<{column}>")) || PROSE_COLUMNS.contains(&column.as_str());
        if !(used || column == "answer" && ask.answer.is_empty()) {
            return Err(error(head.line, format!("nothing uses the column `{column}`")));
        }
    }
    for row in rows {
        if row.cells.len() != head.cells.len() {
            return Err(error(
                row.line,
                format!("{} cells, {} columns", row.cells.len(), head.cells.len()),
            ));
        }
        let fill = |text: &str| {
            let pairs = head.cells.iter().zip(&row.cells);
            pairs.fold(text.to_owned(), |text, (column, cell)| {
                text.replace(&format!("<{column}>"), cell)
            })
        };
        let answer = if ask.answer.is_empty() {
            let cell = head
                .cells
                .iter()
                .zip(&row.cells)
                .find(|(column, _)| *column == "answer");
            let (_, cell) = cell.ok_or(error(head.line, "no answer block and no column `answer`"))?;
            vec![Line {
                number: row.line,
                text: cell.replace('`', ""),
            }]
        } else {
            let fill = |line: &Line| Line {
                number: row.line,
                text: fill(&line.text).replace('`', ""),
            };
            ask.answer
                .iter()
                .map(fill)
                .filter(|line| !line.text.is_empty())
                .collect()
        };
        let attributes = ask
            .attributes
            .iter()
            .map(|(name, value)| (fill(name), fill(value)));
        // A cell may bring several attributes: `aud=other exp=+1s`.
        let attributes = attributes.flat_map(|(name, value)| split_attributes(name, value));
        let ask = Ask {
            attributes: attributes.collect(),
            request: fill(&ask.request),
            answer,
        };
        steps.push(Step {
            line: row.line,
            what: What::Ask(ask),
        });
    }
    Ok(())
}

/// The attributes that stand in a name that was filled in from a cell.
fn split_attributes(name: String, value: String) -> Vec<(String, String)> {
    if !name.contains(['=', ' ']) {
        return if name.is_empty() {
            Vec::new()
        } else {
            vec![(name, value)]
        };
    }
    let words = words(&name).unwrap_or_default();
    let pair = |word: &String| {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        (name.to_owned(), value.to_owned())
    };
    words.iter().map(pair).collect()
}

#[cfg(test)]
mod tests;
