//! Recipes: which product comes is said to the station, and nothing is judged by another product's model.

use std::process::Stdio;

use serde_json::Value;
use twinspect_store::models::ModelId;

use super::{
    activate, answer, begin_under, by_request, children, hold, install, is_active, is_judged,
    judge, log, make_active, recorded, sound, spoilt, start, start_under, step,
};
use crate::binaries::{program, run};
use crate::product::{Site, edition, edition_of, product};
use crate::service::Service;

/// A station with the recipes block, which is 1, and cap, which is 2, and the model of block.
fn with_recipes(way_ms: u32, rest: &str) -> (Site, ModelId) {
    let site = by_request(way_ms);
    site.edit(
        "station.toml",
        "[models]",
        &format!(
            "[recipes]\nlist = [{{ number = 2, model = \"cap\" }}, {{ number = 1, model = \"block\" }}]\n{rest}\n\
             [models]"
        ),
    );
    let block = install(&site, &edition("1.0.0", sound));
    make_active(&site, &block);
    (site, block)
}

fn install_cap(site: &Site) -> ModelId {
    install(site, &product("cap", sound))
}

fn obstacle(status: &Value) -> &str {
    status["obstacle"].as_str().unwrap_or_default()
}

/// Selects a recipe that does not come to judge; what is said.
fn fails(service: &Service, recipe: &str) -> String {
    let output = service.ask(&format!("recipe select {recipe}"));
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn is_rejected(left: &Value) -> bool {
    left["verdict"] == "no_result" && left["reason"] == "recipe"
}

#[test]
fn the_selected_recipe_s_model_takes_over_and_there_is_no_way_back_to_another_product() {
    let (site, block) = with_recipes(1_000, "");
    let cap = install_cap(&site);
    let service = start(site);
    let before = service.answer("status");
    assert_eq!(before["recipes"]["state"], "none", "{before}");
    assert!(is_judged(&judge(&service)), "the active model judges");
    let told = service.answer("recipe select cap");
    assert_eq!((&told["number"], &told["name"]), (&2.into(), &"cap".into()));
    assert_eq!(told["model"], cap.as_str(), "{told}");
    assert_eq!(told["preloaded"], false);
    let ms = |key: &str| told[key].as_f64().expect("a time");
    assert!(ms("proof_ms") > 0.0 && ms("switch_ms") > 0.0, "{told}");
    assert!(ms("took_ms") >= ms("switch_ms"), "{told}");
    assert!(is_judged(&judge(&service)));
    let status = service.answer("status");
    assert_eq!(status["recipes"]["last"], told, "{status}");
    assert_eq!(status["recipes"]["state"], "live");
    assert_eq!(status["models"]["trial_parts_left"], Value::Null);
    assert_eq!(recorded(&service.site), (cap.clone(), None));
    let back = service.answer("recipe select 1");
    assert_eq!(back["model"], block.as_str());
    assert_eq!(recorded(&service.site), (block, None));
    // It is live already: nothing is exchanged.
    let again = service.answer("recipe select block");
    assert_eq!(again["proof_ms"], Value::Null, "{again}");
    let list = run(program("twinspect")
        .current_dir(service.site.path(""))
        .env("RUNTIME_DIRECTORY", service.site.path("run"))
        .args(["recipe", "list", "--config", "station.toml", "--json"]));
    let list: Value = serde_json::from_slice(&list.stdout).expect("a JSON object");
    let ids: Vec<&Value> = (0..2).map(|row| &list["recipes"][row]["id"]).collect();
    assert_eq!(ids[1], cap.as_str(), "{list}");
    let (_, summary) = service.stop();
    assert_eq!(summary["inspector_restarts"], 0);
}

#[test]
fn from_the_selection_on_no_part_is_judged_by_the_model_before() {
    let (site, _) = with_recipes(20_000, "");
    let cap = install_cap(&site);
    let service = start(site);
    let part = hold(&service);
    let selection = service
        .question("recipe select cap")
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    // The part that came before is still to be judged by its own model.
    let status = service.wait_until(|status| step(status) == "waiting");
    assert_eq!(obstacle(&status), "recipe", "{status}");
    let doing = status["doing"].as_str().expect("text");
    assert!(
        doing.starts_with("not ready: recipe: the model of recipe 2 (cap)"),
        "{doing}"
    );
    let refused = service.refusal("trigger --test");
    assert!(
        refused.contains("not that of the selected recipe"),
        "{refused}"
    );
    let next = service
        .question("trigger")
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    service.wait_until(|status| status["parts"]["triggered"] == 2);
    part.let_go();
    let told = selection.wait_with_output().expect("its end");
    let told: Value = serde_json::from_slice(&told.stdout).expect("a JSON object");
    assert_eq!(told["model"], cap.as_str(), "{told}");
    let left = part.left();
    assert!(is_judged(&left), "{left}");
    let next = next.wait_with_output().expect("its end");
    let next: Value = serde_json::from_slice(&next.stdout).expect("a JSON object");
    assert!(is_rejected(&next), "{next}");
    let (_, summary) = service.stop();
    assert_eq!(summary["inspector"]["inspected"], 1, "{summary}");
}

#[test]
fn a_recipe_that_nobody_knows_changes_nothing() {
    let (site, block) = with_recipes(1_000, "");
    let service = start(site);
    for unknown in ["3", "bracket"] {
        let refused = service.refusal(&format!("recipe select {unknown}"));
        assert!(
            refused.contains("1 (block), 2 (cap)") && refused.contains("nothing has changed"),
            "{refused}"
        );
    }
    assert!(is_judged(&judge(&service)));
    assert!(is_active(&service.answer("status"), &block));
    service.stop();
    let site = by_request(1_000);
    let block = install(&site, &edition("1.0.0", sound));
    make_active(&site, &block);
    let service = start(site);
    let refused = service.refusal("recipe select 1");
    assert!(refused.contains("has no recipes"), "{refused}");
    assert_eq!(service.answer("status")["recipes"], Value::Null);
    service.stop();
}

#[test]
fn a_recipe_without_a_model_rejects_and_comes_to_life_by_itself() {
    let (site, _) = with_recipes(1_000, "retry_ms = 400");
    let service = start(site);
    let told = fails(&service, "2");
    assert!(
        told.contains("no model \"cap\" is installed") && told.contains("tries again by itself"),
        "{told}"
    );
    assert!(is_rejected(&judge(&service)));
    let status = service.answer("status");
    assert_eq!(status["recipes"]["number"], 2, "{status}");
    assert_eq!(obstacle(&status), "recipe");
    assert_eq!(status["state"], "error", "somebody has to install it");
    let cap = install_cap(&service.site);
    let status = service.wait_until(|status| status["recipes"]["state"] == "live");
    assert!(is_active(&status, &cap), "{status}");
    assert!(is_judged(&judge(&service)));
    service.stop();
}

#[test]
fn who_activates_the_active_model_hears_that_a_recipe_without_one_rejects_all() {
    let (site, block) = with_recipes(1_000, "retry_ms = 300000");
    let service = start(site);
    fails(&service, "cap");
    let told = answer(activate(&service, block.as_str()));
    let reason = told["reason"].as_str().expect("a reason");
    for says in [
        "active already, but recipe 2 (cap) has no model",
        "All parts are rejected until",
        "recipe select",
    ] {
        assert!(reason.contains(says), "{reason}");
    }
    assert_eq!(told["rejects"], true, "{told}");
    let refused = service.refusal("recipe select bracket");
    assert!(
        refused.contains("hint: the station rejects all parts"),
        "{refused}"
    );
    assert!(is_rejected(&judge(&service)));
    service.stop();
}

#[test]
fn a_recipe_whose_model_can_t_be_proven_rejects_until_the_product_before_is_back() {
    let (site, block) = with_recipes(1_000, "");
    install(&site, &product("cap", spoilt));
    let service = start(site);
    let told = fails(&service, "cap");
    assert!(told.contains("proving the engine"), "{told}");
    assert!(is_rejected(&judge(&service)));
    let status = service.answer("status");
    assert!(
        is_active(&status, &block),
        "its process waits for its product: {status}"
    );
    let back = service.answer("recipe select block");
    assert_eq!(back["proof_ms"], Value::Null, "it was in charge: {back}");
    assert!(is_judged(&judge(&service)));
    assert_eq!(recorded(&service.site), (block, None));
    service.stop();
}

#[test]
fn a_newer_model_of_the_live_recipe_is_taken_when_somebody_selects_it_again() {
    let (site, block) = with_recipes(1_000, "");
    let service = start(site);
    service.answer("recipe select block");
    let newer = install(&service.site, &edition("1.10.0", sound));
    assert!(
        is_active(&service.answer("status"), &block),
        "nobody has asked"
    );
    let told = service.answer("recipe select block");
    assert_eq!(told["model"], newer.as_str(), "{told}");
    // Of the same product, so that the older one may come back.
    assert_eq!(recorded(&service.site), (newer, Some(block.clone())));
    let by_hand = answer(activate(&service, block.as_str()));
    assert_eq!(by_hand["reply"], "activated", "{by_hand}");
    let status = service.answer("status");
    assert_eq!(status["recipes"]["state"], "none", "{status}");
    assert!(is_judged(&judge(&service)));
    service.stop();
}

#[test]
fn models_of_recipes_are_not_pruned() {
    let (site, block) = with_recipes(1_000, "");
    let cap = install_cap(&site);
    let newer = install(&site, &edition("1.10.0", sound));
    let other = install(&site, &product("lid", sound));
    let pruned = run(program("twinspect").current_dir(site.path("")).args([
        "model",
        "prune",
        "--keep",
        "0",
        "--config",
        "station.toml",
        "--json",
    ]));
    let pruned: Value = serde_json::from_slice(&pruned.stdout).expect("a JSON object");
    assert_eq!(
        pruned["removed"],
        serde_json::json!([other.as_str()]),
        "{pruned}"
    );
    let kept = [block, newer, cap].map(|id| id.to_string());
    assert_eq!(pruned["kept"], serde_json::json!(kept), "{pruned}");
}

#[test]
fn a_model_that_waits_in_reserve_takes_over_without_its_proof() {
    let (site, block) = with_recipes(1_000, "preload_max = 1\npreload_free_min_mb = 0");
    let cap = install_cap(&site);
    let service = start(site);
    let waits = |id: &ModelId| {
        let id = id.to_string();
        move |status: &Value| status["recipes"]["preloaded"] == serde_json::json!([id])
    };
    service.wait_until(waits(&cap));
    assert_eq!(children(service.process.id()).len(), 2);
    assert!(is_judged(&judge(&service)), "the one in charge goes on");
    let told = service.answer("recipe select cap");
    assert_eq!(told["preloaded"], true, "{told}");
    assert_eq!(told["proof_ms"], 0.0, "{told}");
    assert!(is_judged(&judge(&service)));
    // The one before takes its place, once more with a proof.
    service.wait_until(waits(&block));
    assert_eq!(children(service.process.id()).len(), 2);
    let text = log(&service);
    assert!(text.contains("is proven, and waits in reserve"), "{text}");
    let station = service.process.id();
    service.stop();
    assert_eq!(children(station), Vec::<u32>::new());
}

#[test]
fn without_memory_nothing_is_kept_in_reserve_and_the_switch_proves_its_model() {
    let (site, _) = with_recipes(1_000, "preload_max = 2\npreload_free_min_mb = 1000000");
    install_cap(&site);
    let service = start(site);
    let status = service.wait_until(|status| status["recipes"]["not_preloaded"].is_string());
    let why = status["recipes"]["not_preloaded"].as_str().expect("text");
    assert!(why.contains("preload_free_min_mb"), "{why}");
    assert_eq!(children(service.process.id()).len(), 1);
    let told = service.answer("recipe select cap");
    assert!(
        told["preloaded"] == false && told["proof_ms"].as_f64() > Some(0.0),
        "{told}"
    );
    assert!(is_judged(&judge(&service)));
    service.stop();
}

#[test]
fn a_recipe_survives_a_power_cut_live_or_not() {
    let (site, block) = with_recipes(1_000, "retry_ms = 400");
    let service = start(site);
    // Not live: its model is not there yet.
    fails(&service, "cap");
    let service = begin_under(service.kill(), "");
    let status = service.wait_until(|status| {
        status["recipes"]["state"] == "lacking" && status["inspector"]["state"] == "up"
    });
    assert_eq!(status["recipes"]["number"], 2, "{status}");
    assert_eq!(obstacle(&status), "recipe");
    assert!(is_active(&status, &block));
    assert!(is_rejected(&judge(&service)));
    let cap = install_cap(&service.site);
    service.wait_until(|status| status["recipes"]["state"] == "live");
    assert!(is_judged(&judge(&service)));
    let remembered = |site: &Site| {
        let store = super::models(site);
        store.selection(&super::name()).expect("a small file")
    };
    assert!(remembered(&service.site).is_some_and(|told| told.recipe == 2));

    // Live: it goes on, and a newer model waits until somebody asks for it.
    let site = service.kill();
    let newer = install(&site, &edition_of("cap", "9.0.0", sound));
    let service = start(site);
    let status = service.answer("status");
    assert_eq!(status["recipes"]["state"], "live", "{status}");
    assert_eq!(status["recipes"]["name"], "cap");
    assert!(is_active(&status, &cap), "{status}");
    assert!(is_judged(&judge(&service)));
    assert_eq!(service.answer("recipe select cap")["model"], newer.as_str());

    // What somebody activates by hand ends it, also while the station does not run.
    let site = service.kill();
    assert!(remembered(&site).is_some());
    let by_hand = run(program("twinspect")
        .current_dir(site.path(""))
        .env("RUNTIME_DIRECTORY", site.path("run"))
        .args([
            "model",
            "activate",
            block.as_str(),
            "--config",
            "station.toml",
        ]));
    assert!(by_hand.status.success(), "{by_hand:?}");
    assert_eq!(remembered(&site), None);
    let service = start(site);
    let status = service.answer("status");
    assert_eq!(status["recipes"]["state"], "none", "{status}");
    assert!(is_active(&status, &block));
    service.stop();
}

/// What a restart knows of.
fn selected(site: &Site) -> Option<u32> {
    let store = super::models(site);
    let selection = store.selection(&super::name()).expect("a small file");
    selection.map(|selection| selection.recipe)
}

#[test]
fn a_model_that_is_activated_by_hand_ends_the_recipe_with_the_same_record() {
    let (site, block) = with_recipes(1_000, "");
    let cap = install_cap(&site);
    // The second record is that of the model by hand: the power is cut before its first byte.
    let mut service = start_under(site, "model:kill@2");
    service.answer("recipe select cap");
    let _wish = activate(&service, block.as_str());
    service.process.wait().expect("its end");
    let site = service.kill();
    assert_eq!(recorded(&site), (cap.clone(), None));
    assert_eq!(selected(&site), Some(2));
    let service = start(site);
    let status = service.answer("status");
    assert_eq!(status["recipes"]["state"], "live", "{status}");
    assert!(is_active(&status, &cap));

    // And after its last one, with the answer.
    let told = answer(activate(&service, block.as_str()));
    assert_eq!(told["reply"], "activated", "{told}");
    let site = service.kill();
    assert_eq!(recorded(&site), (block.clone(), Some(cap)));
    assert_eq!(selected(&site), None);
    let service = start(site);
    let status = service.answer("status");
    assert_eq!(status["recipes"]["state"], "none", "{status}");
    assert!(is_active(&status, &block), "{status}");
    assert!(is_judged(&judge(&service)));
    service.stop();
}

#[test]
fn a_store_that_somebody_holds_is_told_and_keeps_nobody_waiting_for_ever() {
    let (site, _) = with_recipes(1_000, "retry_ms = 400");
    let cap = install_cap(&site);
    let service = start(site);
    let store = super::models(&service.site);
    let held = store.change().expect("nobody changes the store");
    let told = fails(&service, "cap");
    assert!(
        told.contains("could not be written down") && told.contains("are being changed by"),
        "{told}"
    );
    assert!(is_rejected(&judge(&service)));
    let search = answer(activate(&service, "lid"));
    let reason = search["reason"].as_str().expect("a reason");
    assert!(reason.contains("no model \"lid\" is installed"), "{reason}");
    assert_eq!(selected(&service.site), None);
    drop(held);
    let status = service.wait_until(|status| status["recipes"]["state"] == "live");
    assert!(is_active(&status, &cap), "{status}");
    assert!(is_judged(&judge(&service)));
    assert_eq!(selected(&service.site), Some(2));
    let text = log(&service);
    assert!(
        text.contains("a restart will not know of the selected recipe"),
        "{text}"
    );
    service.stop();
}

#[test]
fn a_selection_that_can_t_be_written_is_tried_again_before_its_model_is_looked_for() {
    let (site, block) = with_recipes(1_000, "retry_ms = 400");
    let cap = install_cap(&site);
    let service = start(site);
    let in_the_way = service.site.path("models/selected");
    std::fs::write(&in_the_way, b"").expect("a file in the place of a folder");
    let told = fails(&service, "cap");
    assert!(told.contains("could not be written down"), "{told}");
    assert!(is_rejected(&judge(&service)));
    assert!(is_active(&service.answer("status"), &block));
    std::fs::remove_file(in_the_way).expect("it is removed");
    let status = service.wait_until(|status| status["recipes"]["state"] == "live");
    assert!(is_active(&status, &cap), "{status}");
    assert_eq!(selected(&service.site), Some(2));
    service.stop();
}
