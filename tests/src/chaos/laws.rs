//! What must be true of each run, whatever struck it.

use super::record::{Event, LeftPart, Record};

/// What was broken, in words; nothing if all is well. `parts` are those of one line process with
/// `pass_pulse`, `is_good` says of a label whether its part may pass.
pub fn violations(
    parts: &[LeftPart],
    record: &Record,
    pulse_us: u64,
    is_good: impl Fn(&str) -> bool,
) -> Vec<String> {
    let mut found = Vec::new();
    for (place, part) in (1_u64..).zip(parts) {
        if part.number != place {
            found.push(format!("part {} left in the place of {place}", part.number));
        }
        let is_known = part.label.as_deref();
        if part.verdict == "pass" && !is_known.is_some_and(&is_good) {
            found.push(format!(
                "part {} passed, which is {is_known:?}",
                part.number
            ));
        }
    }
    let pulses = pulses(record, "pass");
    rises(parts, &pulses, pulse_us, &mut found);
    levels(parts, &pulses, &mut found);
    beats(record, &mut found);
    found
}

/// A wire was high.
struct Pulse {
    part: u64,
    rise_us: u64,
    /// Nothing if it was still high at the end.
    fall_us: Option<u64>,
}

fn pulses(record: &Record, name: &str) -> Vec<Pulse> {
    let mut pulses: Vec<Pulse> = Vec::new();
    for moment in &record.0 {
        let Event::Wire {
            wire,
            level,
            part,
            at_us,
        } = &moment.event
        else {
            continue;
        };
        let open = pulses.last_mut().filter(|last| last.fall_us.is_none());
        match (wire == name, level, open) {
            (true, true, None) => pulses.push(Pulse {
                part: *part,
                rise_us: *at_us,
                fall_us: None,
            }),
            (true, false, Some(last)) => last.fall_us = Some(*at_us),
            _ => {}
        }
    }
    pulses
}

/// Each pulse rises for a part that passed, while that part lies there.
fn rises(parts: &[LeftPart], pulses: &[Pulse], pulse_us: u64, found: &mut Vec<String>) {
    for pulse in pulses {
        let part = parts.iter().find(|part| part.number == pulse.part);
        let holds = part.is_some_and(|part| {
            let lies = part.left_us..=part.left_us + pulse_us;
            part.verdict == "pass" && lies.contains(&pulse.rise_us)
        });
        if !holds {
            let rise_us = pulse.rise_us;
            found.push(format!("PASS rose at {rise_us} us for {part:?}"));
        }
    }
}

/// PASS is high for each part that passed, and for no other.
fn levels(parts: &[LeftPart], pulses: &[Pulse], found: &mut Vec<String>) {
    for part in parts {
        let lay_under = pulses.iter().any(|pulse| {
            pulse.rise_us <= part.left_us
                && pulse.fall_us.is_none_or(|fall_us| part.left_us < fall_us)
        });
        let own = pulses.iter().any(|pulse| pulse.part == part.number);
        let is_open = lay_under || own;
        if is_open != (part.verdict == "pass") {
            found.push(format!("PASS was open: {is_open}, for {part:?}"));
        }
    }
}

/// READY is low while something speaks against more parts.
fn beats(record: &Record, found: &mut Vec<String>) {
    let (mut level, mut is_ready) = (false, false);
    // The wire is set just before the change is written down.
    let mut rose_early = false;
    for moment in &record.0 {
        match &moment.event {
            Event::Wire {
                wire, level: to, ..
            } if wire == "ready" => {
                if *to && !is_ready && std::mem::replace(&mut rose_early, true) {
                    found.push(format!(
                        "READY rose at {} us without being ready",
                        moment.t_us
                    ));
                }
                level = *to;
            }
            Event::Obstacle(None) => (is_ready, rose_early) = (true, false),
            Event::Obstacle(Some(why)) => {
                is_ready = false;
                if level {
                    found.push(format!("READY is high at {} us: {why}", moment.t_us));
                }
            }
            _ => {}
        }
    }
}
