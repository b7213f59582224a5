//! Faults of the inspect process and of each of its threads.

use super::trial::{Ended, Limits, Trial, outlive, site};

/// The process ends at a part, which leaves without a result; another one goes on.
fn dies(fault: &str, how: &str) -> Ended {
    let ended = outlive(Limits::STRICT, fault);
    assert_eq!(ended.reason(fault), "inspector", "{}", ended.log);
    assert!(ended.restarts() >= 1);
    assert!(ended.log.contains(how), "{how}: {}", ended.log);
    ended
}

/// Something stands still at a part, until the process is killed; another one goes on.
fn hangs(fault: &str) {
    let ended = outlive(Limits::STRICT, fault);
    let reason = ended.reason(fault);
    assert!(["inspector", "late"].contains(&reason), "{reason}");
    assert!(ended.restarts() >= 1);
    let killed = "the inspect process is silent: killing it";
    assert!(ended.log.contains(killed), "{}", ended.log);
}

#[test]
fn an_engine_that_crashes_takes_its_part_and_no_other_station_along() {
    dies("engine:segfault@6", "ended: killed by signal 11");
}

#[test]
fn a_camera_that_crashes_is_outlived() {
    dies("camera:buserror@6", "ended: killed by signal 7");
}

#[test]
fn an_engine_that_aborts_is_outlived() {
    dies("engine:abort@6", "ended: killed by signal 6");
}

#[test]
fn a_process_that_is_killed_while_it_reads_a_ticket_is_replaced() {
    dies("tickets:kill@6", "ended: killed by signal 9");
}

#[test]
fn a_crash_while_a_record_is_written_loses_no_part() {
    let ended = outlive(Limits::STRICT, "records:segfault@2");
    assert!(ended.restarts() >= 1);
    assert!(ended.inspector("records_written") >= 1);
}

#[test]
fn a_panic_of_the_thread_that_owns_the_engine_ends_the_process() {
    dies("engine:panic@6", "ended: exit code 101");
}

#[test]
fn a_panic_of_the_thread_that_owns_the_camera_ends_the_process_and_says_so() {
    let ended = dies("camera:panic@6", "ended: exit code 1");
    assert!(ended.log.contains("capturing pictures"), "{}", ended.log);
}

#[test]
fn a_panic_of_the_thread_that_writes_answers_ends_the_process_and_says_so() {
    let ended = dies("answers:panic@6", "ended: exit code 1");
    assert!(ended.log.contains("writing answers"), "{}", ended.log);
}

#[test]
fn a_panic_of_the_thread_that_reads_tickets_ends_the_process() {
    dies("tickets:panic@6", "ended: exit code 0");
}

#[test]
fn an_engine_that_hangs_is_killed() {
    hangs("engine:hang@6");
}

#[test]
fn a_camera_that_hangs_is_killed() {
    hangs("camera:hang@6");
}

#[test]
fn a_thread_that_reads_no_tickets_is_no_sign_of_life() {
    hangs("tickets:hang@6");
}

#[test]
fn a_thread_that_writes_no_answers_is_killed() {
    hangs("answers:hang@6");
}

#[test]
fn a_process_that_stands_still_as_a_whole_is_killed() {
    hangs("engine:stop@6");
}

#[test]
fn a_restart_that_crashes_is_followed_by_another() {
    let ended = outlive(Limits::STRICT, "engine:segfault@4;start:segfault@2");
    assert!(ended.restarts() >= 2);
}

#[test]
fn a_restart_that_hangs_is_given_up() {
    let limits = Limits {
        start_max_ms: 15_000,
        ..Limits::STRICT
    };
    let ended = outlive(limits, "engine:segfault@4;start:hang@2");
    assert!(ended.restarts() >= 2);
}

#[test]
fn failures_cost_their_part_alone() {
    let [camera, engine] = ["camera:fail@4", "engine:fail@8"];
    let ended = outlive(Limits::PATIENT, &format!("{camera};{engine}"));
    assert_eq!(ended.reason(camera), "camera");
    assert_eq!(ended.reason(engine), "engine");
    assert_eq!(ended.inspector("camera_errors"), 1);
    assert_eq!(ended.restarts(), 0);
}

#[test]
fn an_answer_after_the_deadline_rejects_its_part() {
    let slow = "engine:slow=3300@6";
    let ended = outlive(Limits::PATIENT, slow);
    assert_eq!(ended.reason(slow), "late");
    assert!(ended.summary["late_results"].as_u64() >= Some(1));
    assert_eq!(ended.restarts(), 0);
}

#[test]
fn an_engine_that_is_too_slow_for_a_while_loses_frames_and_no_part() {
    let ended = outlive(Limits::PATIENT, "engine:slow=1000@6..9");
    assert!(ended.inspector("displaced") >= 1);
    assert_eq!(ended.restarts(), 0);
}

#[test]
fn slow_threads_around_the_engine_lose_no_part() {
    let ended = outlive(
        Limits::PATIENT,
        "camera:slow=600@4..6;answers:slow=700@8..11;tickets:slow=700@14..16",
    );
    assert_eq!(ended.restarts(), 0);
}

#[test]
fn a_full_disk_costs_records_and_no_part() {
    let ended = outlive(Limits::PATIENT, "records:fail@2..5");
    assert!(ended.inspector("records_dropped") >= 2);
    assert!(ended.log.contains("recording part 2: "), "{}", ended.log);
    assert!(ended.inspector("records_written") >= 1);
    assert_eq!(ended.restarts(), 0);
}

#[test]
fn a_record_that_can_t_be_drawn_ends_no_other() {
    let ended = outlive(Limits::PATIENT, "records:panic@2");
    assert_eq!(ended.inspector("records_dropped"), 1);
    assert!(ended.inspector("records_written") >= 1);
    assert_eq!(ended.restarts(), 0);
}

#[test]
fn a_disk_that_never_answers_stops_no_part_and_not_the_end() {
    // Four records fit into the queue, and every second part has one.
    let fault = "records:hang@2";
    let mut trial = Trial::start(site(Limits::PATIENT), fault);
    trial.outlive(fault);
    trial.wait_until("12 parts", |trial| trial.parts().len() >= 12);
    let ended = trial.stop();
    assert!(ended.inspector("records_dropped") >= 1);
    assert_eq!(ended.restarts(), 0);
}
