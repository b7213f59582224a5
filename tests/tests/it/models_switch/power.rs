//! The line process dies in the middle: the next one begins with the old model or with the new one.

use super::{
    activate, answer, by_request, children, hold, is_active, is_judged, judge, recorded, sound,
    start, start_under, step, with_two,
};

#[test]
fn before_the_take_over_it_is_the_old_one() {
    let site = by_request(20_000);
    let [old, new] = with_two(&site, sound);
    let service = start(site);
    let mut part = hold(&service);
    let _wish = activate(&service, new.as_str());
    service.wait_until(|status| step(status) == "waiting");
    let processes = children(service.process.id());
    assert_eq!(processes.len(), 2);
    let site = service.kill();
    part.let_go();
    part.trigger.wait().expect("its end");
    assert_eq!(recorded(&site), (old.clone(), None));
    let service = start(site);
    assert!(is_active(&service.answer("status"), &old));
    service.stop();
}

#[test]
fn once_it_is_recorded_it_is_the_new_one() {
    let site = by_request(1_000);
    let [old, new] = with_two(&site, sound);
    let service = start(site);
    let told = answer(activate(&service, new.as_str()));
    assert_eq!(told["reply"], "activated", "{told}");
    let site = service.kill();
    assert_eq!(recorded(&site), (new.clone(), Some(old)));
    let service = start(site);
    let status = service.answer("status");
    assert!(is_active(&status, &new), "{status}");
    assert!(is_judged(&judge(&service)));
    service.stop();
}

#[test]
fn while_it_is_being_recorded_it_is_one_of_both() {
    let site = by_request(1_000);
    let [old, new] = with_two(&site, sound);
    let mut service = start_under(site, "model:kill@1");
    let _wish = activate(&service, new.as_str());
    service.process.wait().expect("its end");
    let site = service.kill();
    assert_eq!(
        recorded(&site),
        (old.clone(), None),
        "before the first byte"
    );
    let service = start(site);
    assert!(is_active(&service.answer("status"), &old));
    assert!(is_judged(&judge(&service)));
    let told = answer(activate(&service, new.as_str()));
    assert_eq!(told["reply"], "activated", "{told}");
    service.stop();
}
