//! The system's message bus: method calls go to systemd, their answers come back (D-Bus Specification 0.43, "Message
//! Protocol" and "Authentication Protocol"). As much of it as two methods need whose arguments are strings.
//!
//! systemctl would ask the same, but takes more memory by itself than the whole check may.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

/// Where the bus listens, unless the environment says otherwise.
const DEFAULT_SOCKET: &str = "/run/dbus/system_bus_socket";
/// The longest message that is read, in bytes; of a unit, some 500 are told.
const LONGEST_MESSAGE: usize = 1024 * 1024;
/// The longest line of the authentication, in bytes.
const LONGEST_LINE: u64 = 4096;

const METHOD_CALL: u8 = 1;
const METHOD_RETURN: u8 = 2;
const ERROR: u8 = 3;
/// Codes of header fields.
const PATH: u8 = 1;
const INTERFACE: u8 = 2;
const MEMBER: u8 = 3;
const REPLY_SERIAL: u8 = 5;
const DESTINATION: u8 = 6;
const SIGNATURE: u8 = 8;

/// A method and whose it is.
pub struct Method<'a> {
    pub destination: &'a str,
    pub path: &'a str,
    pub interface: &'a str,
    pub member: &'a str,
}

/// An open connection. The other side may make it wait for ever: whoever uses it keeps the time.
pub struct Connection {
    stream: BufReader<UnixStream>,
    serial: u32,
}

impl Connection {
    /// Connects and says who we are: the user that we run as.
    ///
    /// # Errors
    /// When nobody listens, or what does is no bus.
    pub fn open() -> io::Result<Self> {
        let mut stream = BufReader::new(UnixStream::connect(socket())?);
        // SAFETY: it takes nothing and always succeeds.
        let user = unsafe { libc::geteuid() }.to_string();
        let identity: String = user.bytes().map(|digit| format!("{digit:02x}")).collect();
        stream.get_mut().write_all(format!("\0AUTH EXTERNAL {identity}\r\n").as_bytes())?;
        let mut line = String::new();
        (&mut stream).take(LONGEST_LINE).read_line(&mut line)?;
        if !line.starts_with("OK ") {
            return Err(strange("it does not let us in"));
        }
        stream.get_mut().write_all(b"BEGIN\r\n")?;
        let mut connection = Self { stream, serial: 0 };
        let bus = "org.freedesktop.DBus";
        let hello = Method { destination: bus, path: "/org/freedesktop/DBus", interface: bus, member: "Hello" };
        connection.call(&hello, &Body::empty())?;
        Ok(connection)
    }

    /// Calls a method and waits for what it returns.
    ///
    /// # Errors
    /// When the connection breaks, or the method fails: then with the words of whoever failed.
    pub fn call(&mut self, method: &Method<'_>, body: &Body) -> io::Result<Reader> {
        self.serial += 1;
        let message = message(self.serial, method, body);
        self.stream.get_mut().write_all(&message)?;
        loop {
            let (kind, reply_to, body) = self.receive().map_err(|error| match error.kind() {
                io::ErrorKind::UnexpectedEof => strange("it closed the connection"),
                _ => error,
            })?;
            // Signals, and answers to others, are of no interest.
            match kind {
                METHOD_RETURN if reply_to == self.serial => return Ok(body),
                ERROR if reply_to == self.serial => {
                    let mut body = body;
                    return Err(io::Error::other(body.string().unwrap_or_else(|_| "it refused".to_owned())));
                }
                _ => {}
            }
        }
    }

    fn receive(&mut self) -> io::Result<(u8, u32, Reader)> {
        let mut fixed = [0; 16];
        self.stream.read_exact(&mut fixed)?;
        let mut head = Reader::new(fixed.to_vec());
        let [order, kind, _flags, version] = [head.byte()?, head.byte()?, head.byte()?, head.byte()?];
        let (body_length, _serial, fields_length) = (head.length()?, head.u32()?, head.length()?);
        // Both sides are on one machine, so there is one order of bytes.
        if order != native_order() || version != 1 || fields_length + body_length > LONGEST_MESSAGE {
            return Err(strange("it does not speak D-Bus"));
        }
        let mut fields = vec![0; fields_length.next_multiple_of(8)];
        self.stream.read_exact(&mut fields)?;
        let mut body = vec![0; body_length];
        self.stream.read_exact(&mut body)?;
        fields.truncate(fields_length);
        Ok((kind, reply_serial(fields)?, Reader::new(body)))
    }
}

/// What a method is called with.
pub struct Body {
    signature: &'static str,
    bytes: Vec<u8>,
}

impl Body {
    /// No arguments.
    pub fn empty() -> Self {
        Self { signature: "", bytes: Vec::new() }
    }

    /// One list of strings.
    pub fn list(texts: &[String]) -> Self {
        let mut members = Vec::new();
        texts.iter().for_each(|text| put_string(&mut members, text));
        let mut bytes = (members.len() as u32).to_ne_bytes().to_vec();
        bytes.append(&mut members);
        Self { signature: "as", bytes }
    }

    /// Two strings.
    pub fn two(first: &str, second: &str) -> Self {
        let mut bytes = Vec::new();
        put_string(&mut bytes, first);
        put_string(&mut bytes, second);
        Self { signature: "ss", bytes }
    }
}

fn message(serial: u32, method: &Method<'_>, body: &Body) -> Vec<u8> {
    let mut fields = Vec::new();
    let named = [
        (PATH, b'o', method.path),
        (INTERFACE, b's', method.interface),
        (MEMBER, b's', method.member),
        (DESTINATION, b's', method.destination),
    ];
    for (code, kind, text) in named {
        pad(&mut fields, 8);
        fields.extend([code, 1, kind, 0]);
        put_string(&mut fields, text);
    }
    pad(&mut fields, 8);
    fields.extend([SIGNATURE, 1, b'g', 0, body.signature.len() as u8]);
    fields.extend(body.signature.bytes().chain([0]));

    let mut message = vec![native_order(), METHOD_CALL, 0, 1];
    for number in [body.bytes.len() as u32, serial, fields.len() as u32] {
        message.extend(number.to_ne_bytes());
    }
    message.append(&mut fields);
    pad(&mut message, 8);
    message.extend(&body.bytes);
    message
}

/// The number of the call that a message answers; 0, which no call has, if it answers none.
fn reply_serial(fields: Vec<u8>) -> io::Result<u32> {
    let mut fields = Reader::new(fields);
    let mut found = 0;
    while !fields.is_at_end() {
        fields.align(8);
        let code = fields.byte()?;
        match fields.signature()?.as_str() {
            "u" if code == REPLY_SERIAL => found = fields.u32()?,
            "u" => _ = fields.u32()?,
            "s" | "o" => _ = fields.string()?,
            "g" => _ = fields.signature()?,
            _ => return Err(strange("it sent a header that is not understood")),
        }
    }
    Ok(found)
}

/// Reads values one after the other, each at its alignment.
pub struct Reader {
    bytes: Vec<u8>,
    at: usize,
}

impl Reader {
    fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, at: 0 }
    }

    /// Goes on at the next multiple of `size` bytes, where a structure (8) or a number begins.
    pub fn align(&mut self, size: usize) {
        self.at = self.at.next_multiple_of(size);
    }

    /// How far it has read, in bytes.
    pub fn position(&self) -> usize {
        self.at
    }

    fn is_at_end(&self) -> bool {
        self.at >= self.bytes.len()
    }

    fn take(&mut self, count: usize) -> io::Result<&[u8]> {
        let end = self.at.checked_add(count);
        let taken =
            end.and_then(|end| self.bytes.get(self.at..end)).ok_or_else(|| strange("it sent half a message"))?;
        self.at += count;
        Ok(taken)
    }

    fn byte(&mut self) -> io::Result<u8> {
        self.take(1).map(|bytes| bytes.iter().sum())
    }

    /// An unsigned number of 32 bits.
    ///
    /// # Errors
    /// When the message ends before.
    pub fn u32(&mut self) -> io::Result<u32> {
        self.align(4);
        let bytes: [u8; 4] = self.take(4)?.try_into().unwrap_or_default();
        Ok(u32::from_ne_bytes(bytes))
    }

    /// The same as a count of bytes.
    ///
    /// # Errors
    /// When the message ends before, or the count is more than a message may have.
    pub fn length(&mut self) -> io::Result<usize> {
        let length = self.u32()? as usize;
        if length > LONGEST_MESSAGE { Err(strange("it sent too long a message")) } else { Ok(length) }
    }

    /// A string or an object's path.
    ///
    /// # Errors
    /// When the message ends before.
    pub fn string(&mut self) -> io::Result<String> {
        let length = self.length()?;
        let text = String::from_utf8_lossy(self.take(length)?).into_owned();
        self.take(1)?;
        Ok(text)
    }

    /// A signature, such as stands before the value of a variant.
    ///
    /// # Errors
    /// When the message ends before.
    pub fn signature(&mut self) -> io::Result<String> {
        let length = usize::from(self.byte()?);
        let text = String::from_utf8_lossy(self.take(length)?).into_owned();
        self.take(1)?;
        Ok(text)
    }
}

fn put_string(bytes: &mut Vec<u8>, text: &str) {
    pad(bytes, 4);
    bytes.extend((text.len() as u32).to_ne_bytes());
    bytes.extend(text.bytes().chain([0]));
}

fn pad(bytes: &mut Vec<u8>, size: usize) {
    bytes.resize(bytes.len().next_multiple_of(size), 0);
}

fn native_order() -> u8 {
    if cfg!(target_endian = "little") { b'l' } else { b'B' }
}

/// The socket that `DBUS_SYSTEM_BUS_ADDRESS` names, else the one of every Linux system.
fn socket() -> PathBuf {
    let named = std::env::var("DBUS_SYSTEM_BUS_ADDRESS").ok();
    let path = named.as_deref().and_then(|text| text.split(';').find_map(|one| one.strip_prefix("unix:path=")));
    path.and_then(|path| path.split(',').next()).unwrap_or(DEFAULT_SOCKET).into()
}

fn strange(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
