//! Bodies of a gigabyte through the reverse proxy, both ways: every byte arrives, and memory stays as it was.

use super::big::Outcome;
use crate::gateway::{Gateway, free_port};
use crate::http::{Answer, Connection};
use crate::{Failure, process};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::time::Instant;

/// How much more memory a body may take than none, in KiB.
const GROWTH_KIB: u64 = 16 * 1024;
/// How much is written at once.
const PIECE: usize = 64 * 1024;

/// An upload with its length, one in chunks, and a download.
pub(crate) fn through_the_proxy(folder: &Path, mebibytes: u64) -> Result<Vec<(String, Outcome)>, Failure> {
    let bytes = mebibytes << 20;
    let upstream = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let to = upstream.local_addr()?;
    // It ends with the chore.
    std::thread::spawn(move || {
        for stream in upstream.incoming().map_while(Result::ok) {
            std::thread::spawn(move || drop(serve(stream, bytes)));
        }
    });
    let port = free_port()?;
    let configuration = folder.join("proxy.toml");
    let text = format!(
        "config = 1\n[[listen]]\naddress = \"127.0.0.1:{port}\"\nspeak = \"reverse-proxy\"\n\
         [[route]]\nhosts = [\"app.test\"]\npaths = [\"/**\"]\naccept = [\"anonymous\"]\nto = \"http://{to}\"\n"
    );
    std::fs::write(&configuration, text)?;
    let mut gateway = Gateway::start(
        &configuration,
        &folder.join("proxy.state"),
        &folder.join("proxy.log"),
    )?;
    let nothing = request("POST", "Content-Length: 0\r\n");
    gateway.until(port, &nothing, |answer| answer.status == 200)?;
    let mut outcomes = Vec::new();
    let mut note = |name: String, arrived: u64, begun: Instant, before: u64| -> Result<(), Failure> {
        let peak_kib = process::peak_kib(gateway.id());
        let seconds = begun.elapsed().as_secs_f64();
        if arrived != bytes || peak_kib > before + GROWTH_KIB {
            return Err(format!("{name}: {arrived} of {bytes} bytes, {before} to {peak_kib} KiB").into());
        }
        let said = format!(
            "all of it in {seconds:.1} s, {} KiB more",
            peak_kib.saturating_sub(before)
        );
        outcomes.push((name, Outcome { said, peak_kib }));
        Ok(())
    };
    for chunked in [false, true] {
        let before = process::peak_kib(gateway.id());
        let begun = Instant::now();
        let way = if chunked { "in chunks" } else { "of known length" };
        let arrived = upload(port, bytes, chunked)?;
        note(format!("{mebibytes} MiB up, {way}"), arrived, begun, before)?;
    }
    let before = process::peak_kib(gateway.id());
    let begun = Instant::now();
    let arrived = download(port)?;
    note(format!("{mebibytes} MiB down"), arrived, begun, before)?;
    Ok(outcomes)
}

fn request(method: &str, more: &str) -> String {
    format!("{method} / HTTP/1.1\r\nHost: app.test\r\n{more}\r\n")
}

/// How many bytes the application says have arrived.
fn upload(port: u16, bytes: u64, chunked: bool) -> Result<u64, Failure> {
    let mut connection = Connection::open(port)?;
    let mut writer = connection.writer()?;
    let framing = if chunked {
        "Transfer-Encoding: chunked\r\n".to_owned()
    } else {
        format!("Content-Length: {bytes}\r\n")
    };
    writer.write_all(request("POST", &framing).as_bytes())?;
    let piece = vec![b'x'; PIECE];
    let mut left = bytes;
    while left > 0 {
        let length = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
        let piece = piece.get(..length).unwrap_or_default();
        if chunked {
            write!(writer, "{length:x}\r\n")?;
        }
        writer.write_all(piece)?;
        if chunked {
            writer.write_all(b"\r\n")?;
        }
        left -= u64::try_from(length)?;
    }
    if chunked {
        writer.write_all(b"0\r\n\r\n")?;
    }
    let answer: Answer = connection.answer()?;
    Ok(answer.text().trim().parse()?)
}

fn download(port: u16) -> Result<u64, Failure> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.write_all(request("GET", "Connection: close\r\n").as_bytes())?;
    let mut reader = BufReader::with_capacity(PIECE, stream);
    let mut line = String::new();
    while reader.read_line(&mut line)? > 0 && !line.trim_end().is_empty() {
        line.clear();
    }
    Ok(std::io::copy(&mut reader, &mut std::io::sink())?)
}

/// The application: says how long a body is that it was sent, or sends one.
fn serve(stream: TcpStream, bytes: u64) -> Result<(), Failure> {
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::with_capacity(PIECE, stream);
    loop {
        let (mut head, mut length, mut chunked) = (String::new(), 0, false);
        while !head.ends_with("\r\n\r\n") {
            let begin = head.len();
            if reader.read_line(&mut head)? == 0 {
                return Ok(());
            }
            let line = head.get(begin..).unwrap_or_default().to_ascii_lowercase();
            if let Some(told) = line.strip_prefix("content-length:") {
                length = told.trim().parse()?;
            }
            chunked |= line.starts_with("transfer-encoding:");
        }
        if head.starts_with("GET") {
            write!(writer, "HTTP/1.1 200 OK\r\nContent-Length: {bytes}\r\n\r\n")?;
            std::io::copy(&mut std::io::repeat(b'x').take(bytes), &mut writer)?;
            continue;
        }
        let arrived = if chunked {
            chunks(&mut reader)?
        } else {
            std::io::copy(&mut (&mut reader).take(length), &mut std::io::sink())?
        };
        let body = arrived.to_string();
        write!(
            writer,
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )?;
    }
}

fn chunks(reader: &mut BufReader<TcpStream>) -> Result<u64, Failure> {
    let mut arrived = 0;
    loop {
        let mut size = String::new();
        reader.read_line(&mut size)?;
        let size = u64::from_str_radix(size.trim(), 16)?;
        arrived += std::io::copy(&mut reader.by_ref().take(size), &mut std::io::sink())?;
        reader.read_line(&mut String::new())?;
        if size == 0 {
            return Ok(arrived);
        }
    }
}
