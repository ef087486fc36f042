//! `EVAL`: a function of JavaScript that calls commands.
//!
//! A script is the body of a function. It finds its words in `KEYS` and `ARGV`, calls a command by
//! `sdb.call` or `sdb.pcall`, and what it returns is the reply. Texts are UTF-8 there.

use std::cell::RefCell;
use std::rc::Rc;

use rquickjs::function::Rest;
use rquickjs::{Array, CatchResultExt, Coerced, Context, Ctx, Exception, Function, Object, Value};
use rquickjs::{IntoJs, Runtime};

use crate::commands::{self, Data};
use crate::resp::Reply;

type Shared = Rc<RefCell<Data>>;

/// Runs the command `EVAL script numkeys [key ...] [argument ...]`.
pub(crate) fn run(data: &mut Data, words: &[Vec<u8>]) -> Reply {
    let texts: Vec<String> =
        words[1..].iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect();
    let (keys, arguments) = match texts[1].parse() {
        Ok(count) if count <= texts.len() - 2 => texts[2..].split_at(count),
        Ok(_) => return Reply::error("ERR Number of keys can't be greater than number of args"),
        Err(_no_number) => return Reply::error("ERR value is not an integer or out of range"),
    };
    let shared: Shared = Rc::new(RefCell::new(std::mem::take(data)));
    let told = evaluate(&shared, &texts[0], keys, arguments);
    *data = shared.take();
    told.unwrap_or_else(|error| Reply::Error(format!("ERR the script does not run: {error}")))
}

fn evaluate(
    data: &Shared,
    script: &str,
    keys: &[String],
    arguments: &[String],
) -> rquickjs::Result<Reply> {
    // A fresh one each time: what one script leaves behind must not reach the next.
    let runtime = Runtime::new()?;
    Context::full(&runtime)?.with(|ctx| {
        let globals = ctx.globals();
        globals.set("KEYS", keys.to_vec())?;
        globals.set("ARGV", arguments.to_vec())?;
        globals.set("sdb", commands_of(&ctx, data)?)?;
        let told = ctx.eval::<Value<'_>, _>(format!("(function(){{{script}}})()")).catch(&ctx);
        match told {
            Ok(value) => reply_of(&value),
            Err(error) => Ok(Reply::Error(said(&error))),
        }
    })
}

/// What was thrown, without its place in the script.
fn said(error: &rquickjs::CaughtError<'_>) -> String {
    match error {
        rquickjs::CaughtError::Exception(exception) => {
            let message = exception.message().unwrap_or_default();
            if message.starts_with("ERR ") { message } else { format!("ERR {message}") }
        }
        other => format!("ERR {other}"),
    }
}

fn commands_of<'js>(ctx: &Ctx<'js>, data: &Shared) -> rquickjs::Result<Object<'js>> {
    let sdb = Object::new(ctx.clone())?;
    for (name, raises) in [("call", true), ("pcall", false)] {
        let data = Rc::clone(data);
        let call = move |ctx: Ctx<'js>, words: Rest<Coerced<String>>| {
            let words: Vec<Vec<u8>> = words.0.into_iter().map(|word| word.0.into_bytes()).collect();
            match called(&data, &words) {
                Reply::Error(what) if raises => Err(Exception::throw_message(&ctx, &what)),
                reply => value_of(&ctx, &reply),
            }
        };
        sdb.set(name, Function::new(ctx.clone(), call)?)?;
    }
    Ok(sdb)
}

fn called(data: &Shared, words: &[Vec<u8>]) -> Reply {
    let Some(name) = words.first() else { return Reply::error("ERR unknown command ''") };
    let name = String::from_utf8_lossy(name).to_ascii_lowercase();
    if name == "eval" {
        return Reply::error("ERR command not allowed from script 'eval'");
    }
    match commands::check(&name, words) {
        Ok(()) => data.borrow_mut().run(&name, words),
        Err(refusal) => refusal,
    }
}

/// A reply as a script sees it: nothing is `undefined`.
fn value_of<'js>(ctx: &Ctx<'js>, reply: &Reply) -> rquickjs::Result<Value<'js>> {
    let word = |name: &str, text: &str| {
        let object = Object::new(ctx.clone())?;
        object.set(name, text)?;
        Ok(object.into_value())
    };
    match reply {
        Reply::Status(text) => word("ok", text),
        Reply::Error(text) => word("err", text),
        // A number of the language is exact to 53 bits only; it is so in SummitDB.
        #[expect(clippy::cast_precision_loss, reason = "the loss is the language's")]
        Reply::Number(number) => (*number as f64).into_js(ctx),
        Reply::Bulk(None) => Ok(Value::new_undefined(ctx.clone())),
        Reply::Bulk(Some(bytes)) => String::from_utf8_lossy(bytes).into_js(ctx),
        Reply::Array(parts) => {
            let array = Array::new(ctx.clone())?;
            for (at, part) in parts.iter().enumerate() {
                array.set(at, value_of(ctx, part)?)?;
            }
            Ok(array.into_value())
        }
    }
}

/// What a script returned, as a reply.
fn reply_of(value: &Value<'_>) -> rquickjs::Result<Reply> {
    if value.is_undefined() || value.is_null() {
        return Ok(Reply::nil());
    }
    if let Some(array) = value.as_array() {
        let parts = array.iter().map(|part| reply_of(&part?));
        return Ok(Reply::Array(parts.collect::<rquickjs::Result<_>>()?));
    }
    if value.is_string() {
        return Ok(Reply::text(&value.get::<String>()?));
    }
    if let Some(number) = value.as_number() {
        #[expect(clippy::cast_possible_truncation, reason = "SummitDB cuts what is no integer")]
        return Ok(Reply::Number(number as i64));
    }
    if let Some(object) = value.as_object() {
        if let Some(text) = object.get::<_, Option<String>>("err")? {
            return Ok(Reply::Error(text));
        }
        if let Some(text) = object.get::<_, Option<String>>("ok")? {
            return Ok(Reply::Status(text));
        }
    }
    let json = value.ctx().json_stringify(value.clone())?;
    json.map_or(Ok(Reply::nil()), |json| json.to_string().map(|text| Reply::text(&text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn eval(data: &mut Data, script: &str, rest: &[&str]) -> Reply {
        let words = ["EVAL", script].into_iter().chain(rest.iter().copied());
        run(data, &words.map(|word| word.as_bytes().to_vec()).collect::<Vec<_>>())
    }

    #[test]
    fn a_script_calls_commands_and_returns_what_it_likes() {
        let mut data = Data::default();
        let script = "sdb.call('set', KEYS[0], ARGV[0]); \
                      return [sdb.call('get', KEYS[0]), sdb.call('get', 'none'), 7, true]";
        let told = eval(&mut data, script, &["1", "k", "h\u{e9}\0"]);
        let due =
            vec![Reply::text("h\u{e9}\0"), Reply::nil(), Reply::Number(7), Reply::text("true")];
        assert_eq!(told, Reply::Array(due));
        assert_eq!(eval(&mut data, "return sdb.call('set', 'a', 'b')", &["0"]), Reply::ok());
        assert_eq!(eval(&mut data, "return KEYS.length", &["0", "k"]), Reply::Number(0));
    }

    #[test]
    fn what_fails_is_thrown_or_returned() {
        let mut data = Data::default();
        let unknown = Reply::error("ERR unknown command 'nope'");
        assert_eq!(eval(&mut data, "return sdb.call('nope')", &["0"]), unknown);
        assert_eq!(eval(&mut data, "return sdb.pcall('nope')", &["0"]), unknown);
        assert_eq!(eval(&mut data, "sdb.pcall('nope'); return 1", &["0"]), Reply::Number(1));
        assert!(matches!(eval(&mut data, "syntax error", &["0"]), Reply::Error(_)));
        assert!(matches!(eval(&mut data, "return 1", &["1"]), Reply::Error(_)));
        assert!(matches!(eval(&mut data, "return 1", &["x"]), Reply::Error(_)));
        let nested = eval(&mut data, "return sdb.call('eval', '1', '0')", &["0"]);
        assert_eq!(nested, Reply::error("ERR command not allowed from script 'eval'"));
    }

    #[test]
    fn scripts_leave_nothing_to_one_another() {
        let mut data = Data::default();
        eval(&mut data, "left = 1", &["0"]);
        assert_eq!(eval(&mut data, "return typeof left", &["0"]), Reply::text("undefined"));
    }
}
