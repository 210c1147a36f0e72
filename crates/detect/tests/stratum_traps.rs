//! What looks like mining to a search for words, and is not.

mod stratum_support;

use detect::Kind;
use detect::stratum::judge::{Confidence, Verdict, judge};
use detect::stratum::{Interest, interest};
use stratum_support::{
    M, P, Turn, facts_midstream, frame, hex, lines, only, post, response, sessions, texts, upgrade, verdict,
    verdict_of_both_ways,
};

/// No verdict at all, whether the beginning was seen or not.
fn assert_nothing(turns: &[Turn]) {
    assert_eq!(verdict(turns), None);
    assert_eq!(judge(&facts_midstream(turns)), None, "in midstream");
}

/// At most something that is worth knowing.
fn assert_no_alarm(found: Option<&Verdict>) {
    let is_alarm =
        found.is_some_and(|verdict| verdict.confidence > Confidence::Low && verdict.kind == Kind::Mining);
    assert!(!is_alarm, "{found:?}");
}

#[test]
fn electrum_servers_speak_json_lines_too() {
    let turns = lines(&[
        (M, r#"{"id":0,"method":"server.version","params":["electrum/4.5","1.4"]}"#),
        (P, r#"{"id":0,"jsonrpc":"2.0","result":["ElectrumX 1.16.0","1.4"]}"#),
        (M, r#"{"id":1,"method":"blockchain.headers.subscribe","params":[]}"#),
        (P, r#"{"id":1,"jsonrpc":"2.0","result":{"height":800000,"hex":"00e0ff3f"}}"#),
        (M, r#"{"id":2,"method":"mempool.get_fee_histogram","params":[]}"#),
        (P, r#"{"id":2,"jsonrpc":"2.0","result":[[12,128812]]}"#),
        (M, r#"{"id":3,"method":"blockchain.transaction.broadcast","params":["0100"]}"#),
        (P, r#"{"id":3,"jsonrpc":"2.0","result":"aa"}"#),
    ]);
    assert_nothing(&turns);
}

#[test]
fn json_rpc_echo_says_the_miners_words_from_both_ends() {
    let words = [
        r#"{"id":1,"method":"mining.subscribe","params":["x"]}"#,
        r#"{"id":2,"method":"mining.authorize","params":["a","b"]}"#,
        r#"{"id":4,"method":"mining.submit","params":["a","bf","00000001","504e86ed","b2957c02"]}"#,
    ];
    let turns: Vec<_> = words.iter().flat_map(|word| [(M, *word), (P, *word)]).collect();
    assert_nothing(&lines(&turns));
    assert_nothing(&lines(&[
        (M, r#"{"jsonrpc":"2.0","method":"echo","params":["hello"],"id":1}"#),
        (P, r#"{"jsonrpc":"2.0","result":"hello","id":1}"#),
    ]));
}

#[test]
fn a_log_of_stratum_has_both_roles_at_one_end() {
    let turns = lines(&[
        (P, r#"{"id":1,"method":"mining.subscribe","params":["x"]}"#),
        (P, r#"{"id":null,"method":"mining.set_difficulty","params":[2]}"#),
        (P, r#"{"id":4,"method":"mining.submit","params":["a","bf","00000001","504e86ed","b2957c02"]}"#),
        (P, r#"{"id":null,"method":"mining.set_difficulty","params":[2]}"#),
    ]);
    assert_nothing(&turns);
}

#[test]
fn zabbix_asks_its_interface_over_http() {
    assert_nothing(&[
        (
            M,
            post(
                r#"{"jsonrpc":"2.0","method":"user.login","params":{"username":"Admin","password":"zabbix"},"id":1}"#,
            ),
        ),
        (P, response(r#"{"jsonrpc":"2.0","result":"0424bd59b807674191e7d77572075f33","id":1}"#)),
        (
            M,
            post(
                r#"{"jsonrpc":"2.0","method":"host.get","params":{"output":["hostid"]},"auth":"04","id":2}"#,
            ),
        ),
        (P, response(r#"{"jsonrpc":"2.0","result":[{"hostid":"10084"}],"id":2}"#)),
    ]);
}

#[test]
fn language_servers_have_heads_of_their_own() {
    let message = |body: &str| format!("Content-Length: {}\r\n\r\n{body}", body.len());
    assert_nothing(&texts(&[
        (M, &message(r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"capabilities":{}}}"#)),
        (P, &message(r#"{"jsonrpc":"2.0","id":1,"result":{"capabilities":{"hoverProvider":true}}}"#)),
    ]));
}

#[test]
fn model_context_protocol_has_jobs_of_another_kind() {
    assert_nothing(&lines(&[
        (M, r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2024-11-05"}}"#),
        (
            P,
            r#"{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2024-11-05","serverInfo":{"name":"x"}}}"#,
        ),
        (M, r#"{"jsonrpc":"2.0","id":2,"method":"tools/list"}"#),
        (P, r#"{"jsonrpc":"2.0","id":2,"result":{"tools":[]}}"#),
    ]));
}

#[test]
fn aria2_and_kodi_are_told_what_to_do_over_websocket() {
    let turns = [
        (
            M,
            r#"{"jsonrpc":"2.0","id":"q","method":"aria2.addUri","params":["token:x",["http://example.org/file"]]}"#,
        ),
        (P, r#"{"id":"q","jsonrpc":"2.0","result":"2089b05ecca3d829"}"#),
        (M, r#"{"jsonrpc":"2.0","method":"Player.GetActivePlayers","id":1}"#),
        (P, r#"{"id":1,"jsonrpc":"2.0","result":[]}"#),
        (P, r#"{"jsonrpc":"2.0","method":"Player.OnPlay","params":{"data":{}}}"#),
    ];
    let framed = turns.iter().map(|(by, text)| (*by, frame(text, *by == M)));
    assert_nothing(&upgrade().into_iter().chain(framed).collect::<Vec<_>>());
    assert_nothing(&lines(&turns));
}

#[test]
fn ethereum_wallets_ask_nodes_for_other_things() {
    assert_nothing(&[
        (M, post(r#"{"jsonrpc":"2.0","id":1,"method":"eth_blockNumber","params":[]}"#)),
        (P, response(r#"{"jsonrpc":"2.0","id":1,"result":"0x1234"}"#)),
        (M, post(r#"{"jsonrpc":"2.0","id":2,"method":"eth_call","params":[{"to":"0x00"},"latest"]}"#)),
        (P, response(r#"{"jsonrpc":"2.0","id":2,"result":"0x"}"#)),
        (M, post(r#"[{"jsonrpc":"2.0","id":3,"method":"eth_getBalance","params":["0x00","latest"]}]"#)),
        (P, response(r#"[{"jsonrpc":"2.0","id":3,"result":"0x0"}]"#)),
    ]);
}

#[test]
fn work_of_ones_own_node_is_no_alarm() {
    let work = format!(r#"{{"id":1,"jsonrpc":"2.0","result":["0x{0}","0x{0}","0x{0}"]}}"#, hex(64));
    let turns =
        [(M, post(r#"{"id":1,"jsonrpc":"2.0","method":"eth_getWork","params":[]}"#)), (P, response(&work))];
    assert_no_alarm(verdict(&turns).as_ref());
    assert_nothing(&[
        (M, post(r#"{"jsonrpc":"2.0","id":"0","method":"get_info"}"#)),
        (P, response(r#"{"id":"0","jsonrpc":"2.0","result":{"height":3,"status":"OK","target":120}}"#)),
    ]);
}

#[test]
fn anyone_may_log_in_somewhere() {
    assert_nothing(&lines(&[
        (M, r#"{"id":1,"method":"login","params":{"login":"bob","pass":"secret"}}"#),
        (P, r#"{"id":1,"result":{"id":"77","status":"OK"}}"#),
        (M, r#"{"id":2,"method":"submit","params":{"form":"a"}}"#),
        (P, r#"{"id":2,"result":{"status":"OK"}}"#),
        (P, r#"{"method":"job","params":{"name":"print","job_id":"4"}}"#),
    ]));
}

#[test]
fn pages_that_contain_the_words() {
    let page = r#"<pre>{"id":1,"method":"mining.subscribe","params":["x"]}
{"id":null,"method":"mining.set_difficulty","params":[2]}</pre>"#;
    let document = r#"{"id":null,"method":"mining.set_difficulty","params":[2]}
{"id":null,"method":"mining.set_difficulty","params":[4]}"#;
    let ask = "GET /stratum.html HTTP/1.1\r\nHost: docs.example\r\n\r\n";
    for body in [page, document] {
        let turns = [texts(&[(M, ask)]), vec![(P, response(body))]].concat();
        assert_eq!(verdict(&turns), None, "{body}");
        assert_no_alarm(judge(&facts_midstream(&turns)).as_ref());
    }
    assert_eq!(interest(ask.as_bytes()), Interest::No);
}

#[test]
fn a_page_that_was_joined_in_the_middle() {
    let rest = format!("<p>more\n{}", r#"{"id":null,"method":"mining.set_difficulty","params":[2]}"#);
    let turns = texts(&[(M, "GET /next HTTP/1.1\r\nHost: docs.example\r\n\r\n"), (P, &rest)]);
    assert_eq!(judge(&facts_midstream(&turns)), None);
}

#[test]
fn tickets_that_quote_stratum_over_http() {
    let ticket = r#"{"title":"miner found","body":"{\"method\":\"mining.subscribe\",\"params\":[]}"}"#;
    assert_nothing(&[(M, post(ticket)), (P, response(r#"{"id":7,"result":true}"#))]);
    let quoted = r#"{"method":"mining.subscribe","params":["x"],"id":1}"#;
    assert_nothing(&[(M, post(quoted)), (P, response(r#"{"id":1,"result":true}"#))]);
}

#[test]
fn mail_that_quotes_stratum() {
    let mail = "From: a@example.org\r\nSubject: stratum\r\n\r\nHello,\r\nthis is what the miner said:\r\n\r\n\
        {\"id\":1,\"method\":\"mining.subscribe\",\"params\":[\"x\"]}\r\n\
        {\"id\":2,\"method\":\"mining.authorize\",\"params\":[\"a\",\"b\"]}\r\n.\r\n";
    assert_nothing(&texts(&[
        (P, "220 mail.example ESMTP\r\n"),
        (M, "EHLO client.example\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n"),
        (P, "250 ok\r\n250 ok\r\n250 ok\r\n354 go ahead\r\n"),
        (M, mail),
        (P, "250 queued\r\n"),
    ]));
}

#[test]
fn a_file_of_jobs_that_is_fetched_at_once_is_no_alarm() {
    let job = format!(
        r#"{{"jsonrpc":"2.0","method":"job","params":{{"blob":"{}","job_id":"1","target":"b88d0600"}}}}"#,
        hex(152)
    );
    let file = format!("{job}\n{job}\n{job}\n");
    assert_no_alarm(verdict(&texts(&[(P, &file)])).as_ref());
}

#[test]
fn block_explorers_give_blocks_to_anyone() {
    let block = format!(r#"{{"result":{{"previousblockhash":"{}","bits":"1b00","height":2}}}}"#, hex(64));
    let turns =
        [texts(&[(M, "GET /block HTTP/1.1\r\nHost: explorer.example\r\n\r\n")]), vec![(P, response(&block))]]
            .concat();
    assert_nothing(&turns);
}

#[test]
fn sessions_without_mining_can_be_let_go() {
    let other = lines(&[(M, r#"{"method":"a"}"#); 40]);
    assert!(stratum_support::listen(&other).is_of_no_interest());
    let text = texts(&[(M, "EHLO client.example\r\n"), (P, "250 ok\r\n")]);
    assert!(stratum_support::listen(&text).is_of_no_interest());
}

#[test]
fn a_record_of_one_end_that_is_followed_is_no_alarm() {
    for session in [sessions::bitcoin(), sessions::cryptonote()] {
        for by in [M, P] {
            let words = only(by, &session);
            // The same words are written by who opened the connection, as a log shipper does, or by the other end.
            for writer in [M, P] {
                let record: Vec<Turn> = words.iter().map(|(_, line)| (writer, line.clone())).collect();
                let found = verdict_of_both_ways(&record, false);
                assert_no_alarm(found.as_ref());
                assert_no_alarm(
                    verdict_of_both_ways(&[record, texts(&[(M, "QUIT\r\n")])].concat(), false).as_ref(),
                );
            }
        }
    }
}

#[test]
fn a_record_that_was_uploaded_or_fetched_at_once_is_no_alarm_though_only_one_way_was_captured() {
    for session in [sessions::bitcoin(), sessions::cryptonote()] {
        for by in [M, P] {
            let file: Vec<u8> = only(by, &session).into_iter().flat_map(|(_, line)| line).collect();
            assert_no_alarm(judge(&facts_midstream(&[(M, file.clone())])).as_ref());
            assert_no_alarm(judge(&facts_midstream(&[(P, file)])).as_ref());
        }
    }
}

#[test]
fn games_have_agents_and_passwords_too() {
    let login = r#"{"id":1,"method":"login","params":{"login":"bob","pass":"secret","agent":"Game/1.0"}}"#;
    for answer in [r#"{"id":1,"result":{"status":"OK","id":"77","level":3}}"#, r#"{"id":1,"result":true}"#] {
        let turns = lines(&[
            (M, login),
            (P, answer),
            (M, r#"{"id":2,"method":"move","params":{"x":1}}"#),
            (P, r#"{"id":2,"result":{"status":"OK"}}"#),
        ]);
        assert_no_alarm(verdict(&turns).as_ref());
    }
}

#[test]
fn build_servers_hand_out_jobs_too() {
    assert_no_alarm(
        verdict(&lines(&[
            (M, r#"{"id":1,"method":"login","params":{"login":"runner","pass":"x","agent":"ci-runner/3"}}"#),
            (P, r#"{"id":1,"result":{"id":"r1","status":"OK"}}"#),
            (P, r#"{"method":"job","params":{"job_id":"9","target":"linux","blob":"https://ci.example/9.tgz"}}"#),
            (M, r#"{"id":2,"method":"submit","params":{"job_id":"9","result":"passed","nonce":"zz"}}"#),
            (P, r#"{"id":2,"result":{"status":"OK"}}"#),
        ]))
        .as_ref(),
    );
    assert_no_alarm(
        verdict(&lines(&[
            (M, r#"{"method":"solution","id":"1","output":"hello","nonce":"1"}"#),
            (P, r#"{"method":"result","id":"1","code":1}"#),
        ]))
        .as_ref(),
    );
    assert_no_alarm(
        verdict(&lines(&[
            (M, r#"{"jsonrpc":"2.0","id":1,"method":"keepalived","params":{"id":"s"}}"#),
            (P, r#"{"jsonrpc":"2.0","id":1,"result":{"status":"ok"}}"#),
        ]))
        .as_ref(),
    );
}

#[test]
fn jobs_with_digests_and_weights_are_no_alarm() {
    let job = |id: u32| format!(r#"{{"job_id":"{id}","sha256":"{}","target":"cafe","weight":3}}"#, hex(64));
    let turns = lines(&[
        (M, r#"{"id":1,"method":"login","params":{"login":"runner","pass":"x","agent":"runner/1.2"}}"#),
        (P, &format!(r#"{{"id":1,"result":{{"id":"77","status":"OK","job":{}}}}}"#, job(1))),
        (P, &format!(r#"{{"method":"job","params":{}}}"#, job(2))),
        (
            M,
            &format!(
                r#"{{"id":2,"method":"submit","params":{{"id":"77","job_id":"2","nonce":"12","hash":"{}"}}}}"#,
                hex(64)
            ),
        ),
        (P, r#"{"id":2,"result":{"status":"OK"}}"#),
    ]);
    assert_no_alarm(verdict(&turns).as_ref());
}

#[test]
fn jobs_and_results_of_other_programs_have_no_headers_and_nonces() {
    let login = r#"{"id":1,"method":"login","params":{"login":"runner","pass":"x","agent":"runner/1.2"}}"#;
    let welcome = r#"{"id":1,"result":{"id":"77","status":"OK"}}"#;
    let blob =
        format!(r#"{{"method":"job","params":{{"job_id":"1","blob":"{}","target":"release"}}}}"#, hex(40));
    for (job, result) in [
        (blob.as_str(), r#"{"id":2,"method":"submit","params":{"job_id":"1","result":"passed"}}"#),
        (
            r#"{"method":"job","id":"7","input":"s3://bucket/scene","difficulty":"hard"}"#,
            r#"{"method":"solution","id":"7","output":"s3://bucket/image"}"#,
        ),
        (
            r#"{"type":"job","params":{"job_id":"7","frame":3}}"#,
            r#"{"type":"submit","params":{"job_id":"7","nonce":5,"result":"ok"}}"#,
        ),
        (
            r#"{"method":"mining.notify","params":["pit 4",7,"tons"]}"#,
            r#"{"id":2,"method":"mining.submit","params":["pit 4","shift 2","done"]}"#,
        ),
        (r#"{"method":"mining.notify","params":["pit 4","ore",7]}"#, r#"{"id":2,"method":"ping"}"#),
    ] {
        let turns =
            lines(&[(M, login), (P, welcome), (P, job), (M, result), (P, r#"{"id":2,"result":true}"#)]);
        assert_no_alarm(verdict(&turns).as_ref());
    }
}

#[test]
fn whoever_mines_data_may_subscribe_to_it() {
    let turns = lines(&[
        (M, r#"{"jsonrpc":"2.0","id":1,"method":"mining.subscribe","params":{"topic":"ore-prices"}}"#),
        (P, r#"{"jsonrpc":"2.0","id":1,"result":"sub-1"}"#),
        (P, r#"{"jsonrpc":"2.0","method":"mining.notify","params":{"site":"pit 4","tons":7}}"#),
    ]);
    assert_no_alarm(verdict(&turns).as_ref());
}

#[test]
fn a_wallet_that_asks_for_work_once_over_websocket_or_a_socket_is_no_alarm() {
    let work = format!(r#"{{"jsonrpc":"2.0","id":1,"result":["0x{0}","0x{0}","0x{0}"]}}"#, hex(64));
    let turns = [(M, r#"{"jsonrpc":"2.0","id":1,"method":"eth_getWork","params":[]}"#), (P, work.as_str())];
    assert_no_alarm(verdict(&lines(&turns)).as_ref());
    let framed = turns.iter().map(|(by, text)| (*by, frame(text, *by == M)));
    assert_no_alarm(verdict(&upgrade().into_iter().chain(framed).collect::<Vec<_>>()).as_ref());
}

#[test]
fn other_systems_have_logins_and_work_by_these_names() {
    assert_no_alarm(
        verdict(&lines(&[
            (M, r#"{"id":1,"method":"crm_submitLogin","params":{"login":"bob","pass":"x"}}"#),
            (P, r#"{"id":1,"result":true}"#),
            (M, r#"{"id":3,"method":"hr_getWork","params":[]}"#),
            (P, r#"{"id":3,"result":{"title":"x"}}"#),
            (M, r#"{"id":2,"method":"hr_submitWork","params":{"hours":8}}"#),
            (P, r#"{"id":2,"result":true}"#),
        ]))
        .as_ref(),
    );
    let framed = [
        (M, r#"{"identifier":"handshake","user":"x"}"#),
        (P, r#"{"identifier":"job","job_id":"1","name":"print"}"#),
        (M, r#"{"identifier":"solved","job_id":"1"}"#),
    ]
    .map(|(by, text)| (by, frame(text, by == M)));
    assert_nothing(&upgrade().into_iter().chain(framed).collect::<Vec<_>>());
}

#[test]
fn a_ticket_whose_head_came_alone_is_still_one() {
    // The head of such a request is of no interest, and its body looks like lines.
    let bodies = [
        r#"{"id":1,"method":"mining.subscribe","params":["x"]}"#,
        r#"{"id":1,"method":"mining.authorize","params":["a","b"]}"#,
        r#"{"id":1,"method":"login","params":{"login":"a","pass":"x","agent":"x","algo":["rx/0"]}}"#,
        r#"{"id":1,"method":"eth_submitLogin","params":["0x9c99d212f7e5daa18ab50810e0fd255d1f04303b"]}"#,
    ];
    for body in bodies {
        let turns = [texts(&[(M, body)]), vec![(P, response(r#"{"id":1,"result":true}"#))]].concat();
        assert_no_alarm(verdict_of_both_ways(&turns, true).as_ref());
        let whole = [(M, post(body)), (P, response(r#"{"id":1,"result":true}"#))];
        assert_no_alarm(verdict_of_both_ways(&whole, false).as_ref());
    }
}

#[test]
fn a_receipt_is_no_answer() {
    let session = [sessions::bitcoin(), sessions::cryptonote()].concat();
    let turns: Vec<Turn> = only(M, &session)
        .into_iter()
        .flat_map(|turn| [turn, (P, b"{\"id\":1,\"status\":\"ok\"}\n".to_vec())])
        .collect();
    assert_no_alarm(verdict_of_both_ways(&turns, false).as_ref());
    assert_no_alarm(verdict_of_both_ways(&turns, true).as_ref());
}

#[test]
fn a_log_with_answers_that_is_joined_in_the_middle_is_no_alarm() {
    for session in [sessions::bitcoin(), sessions::cryptonote()] {
        assert_no_alarm(verdict_of_both_ways(&only(P, &session), true).as_ref());
    }
}

#[test]
fn lightning_nodes_and_chia_have_words_of_their_own() {
    assert_nothing(&lines(&[
        (M, r#"{"jsonrpc":"2.0","id":"cli:getinfo#1","method":"getinfo","params":{},"filter":{"id":true}}"#),
        (
            P,
            r#"{"jsonrpc":"2.0","id":"cli:getinfo#1","result":{"id":"02ab","alias":"node","blockheight":800000}}"#,
        ),
        (M, r#"{"jsonrpc":"2.0","id":"cli:pay#2","method":"pay","params":{"bolt11":"lnbc1"}}"#),
        (P, r#"{"jsonrpc":"2.0","id":"cli:pay#2","result":{"status":"complete","payment_hash":"aa"}}"#),
    ]));
    let mut turns = upgrade();
    for (by, text) in [
        (
            M,
            r#"{"destination":"daemon","command":"register_service","request_id":"01","origin":"ui","data":{"service":"ui"}}"#,
        ),
        (
            P,
            r#"{"ack":true,"command":"register_service","data":{"success":true},"destination":"ui","request_id":"01"}"#,
        ),
        (
            P,
            r#"{"command":"new_farming_info","data":{"farming_info":{"challenge_hash":"0xaa","signage_point":"0xbb","total_plots":9}}}"#,
        ),
    ] {
        turns.push((by, frame(text, by == M)));
    }
    assert_nothing(&turns);
}

#[test]
fn whoever_watches_a_node_asks_for_templates_and_hands_in_none() {
    let template = format!(
        r#"{{"result":{{"version":536870912,"previousblockhash":"{0}","transactions":[],"coinbasevalue":312500000,"target":"{0}","height":840000,"bits":"17034219"}},"error":null,"id":1}}"#,
        hex(64)
    );
    let ask = post(r#"{"id":1,"method":"getblocktemplate","params":[{"rules":["segwit"]}]}"#);
    let state = [
        (M, post(r#"{"id":2,"method":"getmininginfo","params":[]}"#)),
        (
            P,
            response(
                r#"{"result":{"blocks":840000,"difficulty":8.6e13,"networkhashps":6e20,"chain":"main"},"error":null,"id":2}"#,
            ),
        ),
    ];
    let turns: Vec<Turn> = [vec![(M, ask), (P, response(&template))], state.to_vec()].concat();
    let found = verdict(&turns);
    assert_no_alarm(found.as_ref());
    assert!(found.is_none_or(|found| found.kind == Kind::WorkRequests), "once is no mining");
}

#[test]
fn feeds_of_indicators_and_rules_name_pools_and_methods() {
    let feed = concat!(
        r#"{"indicators":[{"type":"domain","value":"xmr.pool.example"},{"type":"pattern","#,
        r#""value":"{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[]}"}]}"#,
        "\n",
        r#"alert tcp any any -> any any (content:"|7b 22|id|22|"; content:"mining.authorize"; sid:1;)"#,
        "\n",
        r#"{"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"wallet","pass":"x","agent":"XMRig/6.21.3"}}"#,
        "\n",
    );
    let ask = "GET /feed.json HTTP/1.1\r\nHost: intel.example\r\n\r\n";
    let turns = [texts(&[(M, ask)]), vec![(P, response(feed))]].concat();
    assert_eq!(verdict(&turns), None);
    // Joined in the middle, a line of it is what a miner may have said: worth knowing, and no alarm.
    assert_no_alarm(judge(&facts_midstream(&turns)).as_ref());
    // The same, fetched by git: packets of its protocol with the text in them.
    let pack = format!("{:04x}\u{1}{feed}0000", feed.len() + 5);
    let turns = texts(&[(M, "0032git-upload-pack /rules.git\0host=git.example\0"), (P, &pack)]);
    assert_eq!(verdict(&turns), None);
    assert_no_alarm(judge(&facts_midstream(&turns)).as_ref());
}
