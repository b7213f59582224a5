//! A broker of a few lines, MQTT 3.1.1, which does as a test wants.

use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

use serde_json::Value;

use super::PATIENCE;

/// How it treats who connects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// As a broker should.
    Good,
    /// It answers with what is no MQTT.
    Garbage,
    /// It lets nobody in.
    Refuses,
    /// It lets somebody in, and is gone.
    HangsUp,
    /// It begins a packet of 256 MB.
    Huge,
}

/// What was said to it, by all connections.
#[derive(Debug, Clone, Default)]
pub(super) struct Heard {
    pub(super) connections: usize,
    pub(super) said: Vec<(String, Value)>,
    /// Topics whose last message is kept.
    pub(super) retained: BTreeSet<String>,
    /// Topic and payload of the last will, if it is to be kept.
    pub(super) will: Option<String>,
}

impl Heard {
    pub(super) fn under(&self, topic: &str) -> Vec<Value> {
        let said = self.said.iter().filter(|(said, _)| said == topic);
        said.map(|(_, message)| message.clone()).collect()
    }
}

pub(super) struct Broker {
    pub(super) address: String,
    heard: Arc<(Mutex<Heard>, Condvar)>,
}

impl Broker {
    /// The first connections are treated in these manners, the others well.
    pub(super) fn start(manners: &[Manner]) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let heard = Arc::new((Mutex::new(Heard::default()), Condvar::new()));
        let hearing = Arc::clone(&heard);
        let manners = manners.to_vec();
        std::thread::spawn(move || {
            for (index, stream) in listener.incoming().enumerate() {
                let manner = manners.get(index).copied().unwrap_or(Manner::Good);
                let Ok(stream) = stream else { return };
                hearing.0.lock().expect("nobody panicked").connections += 1;
                // A connection that breaks is followed by another one.
                serve(stream, manner, &hearing).ok();
            }
        });
        Self { address, heard }
    }

    pub(super) fn wait_until(&self, wanted: impl Fn(&Heard) -> bool) -> Heard {
        let (heard, news) = &*self.heard;
        let heard = heard.lock().expect("nobody panicked");
        let (heard, waited) = news
            .wait_timeout_while(heard, PATIENCE, |heard| !wanted(heard))
            .expect("nobody panicked");
        assert!(!waited.timed_out(), "{heard:?}");
        heard.clone()
    }
}

fn serve(mut stream: TcpStream, manner: Manner, heard: &(Mutex<Heard>, Condvar)) -> io::Result<()> {
    loop {
        let (head, body) = packet(&mut stream)?;
        match head >> 4 {
            1 => {
                heard.0.lock().expect("nobody panicked").will = will(&body);
                match manner {
                    Manner::Good => stream.write_all(&[0x20, 2, 0, 0])?,
                    Manner::Garbage => return stream.write_all(&[0xff; 100_000]),
                    Manner::Refuses => return stream.write_all(&[0x20, 2, 0, 5]),
                    Manner::HangsUp => return stream.write_all(&[0x20, 2, 0, 0]),
                    Manner::Huge => {
                        stream.write_all(&[0x20, 2, 0, 0, 0x30, 0xff, 0xff, 0xff, 0x7f])?;
                        return stream.write_all(&[0; 100_000]);
                    }
                }
            }
            3 => {
                let (topic, rest) = string(&body);
                let quality = head >> 1 & 3;
                let (id, payload) = rest.split_at(if quality > 0 { 2 } else { 0 });
                let message = serde_json::from_slice(payload).expect("all messages are JSON");
                let mut heard_now = heard.0.lock().expect("nobody panicked");
                if head & 1 == 1 {
                    heard_now.retained.insert(topic.clone());
                }
                heard_now.said.push((topic, message));
                drop(heard_now);
                heard.1.notify_all();
                if let [high, low] = id {
                    stream.write_all(&[0x40, 2, *high, *low])?;
                }
            }
            12 => stream.write_all(&[0xd0, 0])?,
            14 => return Ok(()),
            other => panic!("packet {other}, which nobody needs"),
        }
    }
}

fn packet(stream: &mut TcpStream) -> io::Result<(u8, Vec<u8>)> {
    let mut head = [0];
    stream.read_exact(&mut head)?;
    let (mut length, mut shift) = (0_usize, 0);
    loop {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        length |= usize::from(byte[0] & 0x7f) << shift;
        shift += 7;
        if byte[0] < 0x80 {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok((head[0], body))
}

fn string(bytes: &[u8]) -> (String, &[u8]) {
    let (length, rest) = bytes.split_at(2);
    let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
    let (text, rest) = rest.split_at(length);
    (String::from_utf8(text.to_vec()).expect("text"), rest)
}

/// Of a CONNECT packet (3.1 of the standard).
fn will(body: &[u8]) -> Option<String> {
    let (protocol, rest) = string(body);
    assert_eq!((protocol.as_str(), rest[0]), ("MQTT", 4));
    let flags = rest[1];
    let (_client, rest) = string(&rest[4..]);
    let has_will = flags & 0x04 != 0 && flags & 0x20 != 0;
    has_will.then(|| {
        let (topic, rest) = string(rest);
        let (payload, _) = string(rest);
        format!("{topic} {payload}")
    })
}
