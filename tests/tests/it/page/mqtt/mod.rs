//! What a broker is told: one that a test plays, which may mean harm, and a real one where there is one.

mod double;

use std::io::BufRead;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use rumqttc::{Client, Event, MqttOptions, Packet, Publish, QoS};
use serde_json::Value;

use super::{PATIENCE, address, text, with_page};
use crate::binaries::succeed;
use crate::product::Site;
use crate::service::Service;
use crate::station::{check_laws, child, endless, signal};
use double::{Broker, Manner};

fn with_broker(site: Site, keys: &str) -> Site {
    let table = format!("[mqtt]\n{keys}\n[page]");
    site.edit("station.toml", "[page]", &table);
    site
}

/// Numbers of parts that were told, each with the word that its score or reason asks for.
fn numbers(parts: &[Value]) -> Vec<u64> {
    let number = |part: &Value| {
        assert_eq!(part["station"], "station");
        let word = part["verdict"].as_str().expect("a word");
        assert_eq!(word == "no_result", part["reason"].is_string(), "{part}");
        assert_eq!(word == "fail", part["seen_by"].is_string(), "{part}");
        let time: &str = part["time"].as_str().expect("a time");
        assert!(time.starts_with("20") && time.ends_with('Z'), "{time}");
        part["number"].as_u64().expect("a number")
    };
    parts.iter().map(number).collect()
}

#[test]
fn every_part_is_told_once_and_the_state_is_kept_for_who_comes_later() {
    let broker = Broker::start(&[]);
    let keys = format!("broker = \"{}\"\ntopic = \"hall-2/left\"", broker.address);
    let service = Service::start(with_broker(with_page(endless()), &keys));
    let heard = broker.wait_until(|heard| heard.under("hall-2/left/part").len() >= 6);
    let told = numbers(&heard.under("hall-2/left/part"));
    let first = told[0];
    assert_eq!(told, (first..first + told.len() as u64).collect::<Vec<_>>());
    let heard = broker.wait_until(|heard| {
        let states = heard.under("hall-2/left/status");
        states.iter().any(|state| state["ready"] == true)
    });
    let states = heard.under("hall-2/left/status");
    let state = states
        .iter()
        .find(|state| state["ready"] == true)
        .expect("one");
    assert_eq!(
        (&state["model"], &state["engine"]),
        (&"block 1.0.0".into(), &"native".into())
    );
    assert_eq!(state["attention"], Value::Array(Vec::new()), "{state}");
    assert_eq!(heard.under("hall-2/left/online"), [Value::Bool(true)]);
    assert_eq!(heard.will.as_deref(), Some("hall-2/left/online false"));
    // Whoever comes later gets the state and no parts.
    assert_eq!(
        heard.retained,
        ["hall-2/left/online", "hall-2/left/status"]
            .map(str::to_owned)
            .into()
    );
    let address = address(&service);
    let figures = text(&address, "/metrics");
    assert!(
        figures.contains("twinspect_mqtt_connected{station=\"station\"} 1"),
        "{figures}"
    );
    assert!(
        figures.contains("twinspect_mqtt_lost_total{station=\"station\"} 0"),
        "{figures}"
    );
    service.stop();
}

#[test]
fn a_broker_that_means_harm_costs_messages_and_no_part() {
    let manners = [
        Manner::Garbage,
        Manner::Refuses,
        Manner::HangsUp,
        Manner::Huge,
    ];
    let broker = Broker::start(&manners);
    let keys = format!("broker = \"{}\"", broker.address);
    let service = Service::start(with_broker(endless(), &keys));
    let heard = broker.wait_until(|heard| heard.under("twinspect/station/part").len() >= 6);
    assert_eq!(heard.connections, manners.len() + 1);
    // What waited is told in order, and nothing twice.
    let told = numbers(&heard.under("twinspect/station/part"));
    assert!(told.is_sorted_by(|one, next| one < next), "{told:?}");
    assert_eq!(service.answer("status")["page"]["restarts"], 0);
    let (parts, summary) = service.stop();
    check_laws(&parts, &summary);
}

#[test]
fn a_real_broker_lets_who_may_in_and_tells_that_a_station_has_gone() {
    let Some(mosquitto) = std::env::var_os("TWINSPECT_MOSQUITTO") else {
        println!("skipped: TWINSPECT_MOSQUITTO names no broker");
        return;
    };
    let site = with_page(endless());
    let port = free_port();
    site.write("secret", "hush\nwhat follows is no password\n");
    let known = site.path("known");
    // Its own tool lies beside it, or where programs of users lie.
    let tool = std::env::var_os("TWINSPECT_MOSQUITTO_PASSWD").unwrap_or("mosquitto_passwd".into());
    succeed(
        Command::new(tool)
            .args(["-c", "-b"])
            .arg(&known)
            .args(["line", "hush"]),
    );
    let user = succeed(Command::new("id").arg("-un"));
    let config = format!(
        "listener {port} 127.0.0.1\nuser {}\nallow_anonymous false\npassword_file {}\n",
        user.trim(),
        known.display()
    );
    site.write("broker.conf", &config);
    let mut broker = Command::new(mosquitto)
        .arg("-c")
        .arg(site.path("broker.conf"))
        .stderr(Stdio::piped())
        .spawn()
        .expect("a broker");
    wait_for_broker(&mut broker);
    let keys =
        format!("broker = \"localhost:{port}\"\nuser = \"line\"\npassword_file = \"secret\"");
    let service = Service::start(with_broker(site, &keys));
    let mut listener = Listener::new(port);
    listener.wait_until(|heard| heard.topic.ends_with("/part"));
    listener.wait_until(|heard| heard.topic.ends_with("/status") && is(heard, "ready", true));
    let page = child(service.process.id(), "page-process").expect("a process");
    signal(page, "KILL");
    let gone = |heard: &Publish| heard.topic.ends_with("/online") && heard.payload == "false";
    listener.wait_until(gone);
    let back = |heard: &Publish| heard.topic.ends_with("/online") && heard.payload == "true";
    listener.wait_until(back);
    let (parts, summary) = service.stop();
    check_laws(&parts, &summary);
    broker.kill().expect("it is ours");
    broker.wait().expect("its end");
}

fn is(heard: &Publish, key: &str, wanted: bool) -> bool {
    serde_json::from_slice::<Value>(&heard.payload).is_ok_and(|told| told[key] == wanted)
}

/// Nobody has it now; somebody may take it in the next moment, and the broker would say so.
fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    listener.local_addr().expect("an address").port()
}

fn wait_for_broker(broker: &mut Child) {
    let said = broker.stderr.take().expect("it is piped");
    let mut said = std::io::BufReader::new(said);
    let mut line = String::new();
    while !line.contains("running") {
        line.clear();
        let read = said.read_line(&mut line).expect("its log");
        assert!(read > 0, "the broker has ended");
    }
    // It may say more.
    std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
}

/// Somebody who subscribes to all that a station says.
struct Listener {
    connection: rumqttc::Connection,
    _client: Client,
}

impl Listener {
    fn new(port: u16) -> Self {
        let mut options = MqttOptions::new("listener", "localhost", port);
        options.set_credentials("line", "hush");
        let (client, connection) = Client::new(options, 16);
        client
            .subscribe("twinspect/station/#", QoS::AtLeastOnce)
            .expect("room for a wish");
        Self {
            connection,
            _client: client,
        }
    }

    fn wait_until(&mut self, wanted: impl Fn(&Publish) -> bool) {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            let event = self.connection.recv_timeout(PATIENCE).expect("an event");
            if let Event::Incoming(Packet::Publish(heard)) = event.expect("the broker stays")
                && wanted(&heard)
            {
                return;
            }
        }
        panic!("it was not said");
    }
}
