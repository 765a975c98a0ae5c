//! Tokens from the command line, or one a line from standard input.

use crate::output::Output;
use countersign_jose::token::MAX_TOKEN_BYTES;
use std::io::{BufRead, IsTerminal as _, Read as _};

/// The longest line that is kept: enough to see that it is too long for a token.
const MAX_LINE_BYTES: u64 = MAX_TOKEN_BYTES as u64 + 16;

/// Hands each token to `judge`, in order: those of `arguments`, or, when there are none, those of standard input, where
/// blank lines count for nothing. No token at all is an error: a script whose token is empty must not pass. So is a
/// token of which nobody hears any more.
pub(super) fn each_token(
    arguments: &[String],
    out: &mut Output,
    mut judge: impl FnMut(&str, &mut Output),
) -> Result<(), String> {
    if !arguments.is_empty() {
        for token in arguments {
            judge(token, out);
            heard(out)?;
        }
        return Ok(());
    }
    let input = std::io::stdin();
    if input.is_terminal() {
        out.error_line("Tokens, one a line; Ctrl-D ends.");
    }
    let mut any = false;
    each_line(input.lock(), |line| {
        any = true;
        judge(line, out);
        heard(out)
    })?;
    if any {
        Ok(())
    } else {
        Err("standard input holds no token".to_owned())
    }
}

/// Whether what was said of the last token could be written.
fn heard(out: &Output) -> Result<(), String> {
    match out.lost() {
        None => Ok(()),
        Some(why) => Err(format!("standard output: {why}")),
    }
}

fn each_line(
    mut input: impl BufRead,
    mut each: impl FnMut(&str) -> Result<(), String>,
) -> Result<(), String> {
    let unreadable = |error| format!("standard input: {error}");
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = input.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut line);
        let read = read.map_err(unreadable)?;
        if read == 0 {
            return Ok(());
        }
        if line.last() == Some(&b'\n') {
            line.pop();
            if line.last() == Some(&b'\r') {
                line.pop();
            }
        } else {
            skip_line(&mut input).map_err(unreadable)?;
        }
        if !line.trim_ascii().is_empty() {
            // What is no text is no token either, and the sign that takes its place is none of a token's.
            each(&String::from_utf8_lossy(&line))?;
        }
    }
}

/// Goes behind the next line break, or to the end.
fn skip_line(input: &mut impl BufRead) -> std::io::Result<()> {
    loop {
        let seen = input.fill_buf()?;
        if seen.is_empty() {
            return Ok(());
        }
        let end = seen.iter().position(|byte| *byte == b'\n');
        let used = end.map_or(seen.len(), |end| end + 1);
        input.consume(used);
        if end.is_some() {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(input: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        let told = each_line(input, |line| {
            lines.push(line.to_owned());
            Ok(())
        });
        told.unwrap();
        lines
    }

    #[test]
    fn a_line_is_a_token_and_a_blank_line_is_none() {
        assert_eq!(lines(b"a.b.c\n\r\n  \nd.e.f\r\ng"), ["a.b.c", "d.e.f", "g"]);
        assert_eq!(lines(b" a\n"), [" a"], "white space belongs to what was sent");
        assert_eq!(lines(b""), [""; 0]);
        assert_eq!(lines(b"\xff\n"), ["\u{fffd}"]);
    }

    #[test]
    fn of_a_very_long_line_only_its_length_is_known() {
        let long = [vec![b'a'; 1 << 20], b"\nb\n".to_vec()].concat();
        let lines = lines(&long);
        assert_eq!(lines.len(), 2);
        assert!(lines[0].len() > MAX_TOKEN_BYTES && lines[0].len() < 2 * MAX_TOKEN_BYTES);
        assert_eq!(lines[1], "b");
    }
}
