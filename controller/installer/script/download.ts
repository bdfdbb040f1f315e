/** Shell text that gets a file of a controller, with whatever a machine has for that. */
import { quoted } from '../remote/quote.ts';

/**
 * Defines `fetch DIGEST FILE`, which tries each of these addresses again and again, and goes on where it was cut. The controller's own
 * authority is pinned (`ca`, PEM; undefined: those that the machine knows); where that cannot be done, it says so and goes on: what
 * comes is held against its digest, and nothing that is sent is secret. Wants `work`, a folder, `node`, a Node or nothing, `say` and `die`.
 */
export function fetchText(urls: readonly string[], ca: string | undefined): string {
  const origins = urls.map((url) => quoted(new URL(url).origin.replace(/^ws/, 'http')));
  return `
ca=${ca === undefined ? '' : '$work/ca.pem'}
unchecked=
cannot_check() {
  unchecked=yes
  say "the certificate of the controller cannot be checked here ($1); the digest of what comes is"
}
by_curl() {
  if [ -z "$unchecked" ]; then
    curl -fsS --connect-timeout 10 --speed-limit 1 --speed-time 60 -C - \${ca:+--cacert "$ca"} -o "$2" "$1" && return
    case $? in
      35 | 51 | 60 | 77 | 83) cannot_check 'curl: no trust in it' ;;
      *) return 1 ;;
    esac
  fi
  curl -fsSk --connect-timeout 10 --speed-limit 1 --speed-time 60 -C - -o "$2" "$1"
}
is_gnu_wget() { has wget && wget --help 2>&1 | grep -q -e '--ca-certificate'; }
by_gnu_wget() {
  if [ -z "$unchecked" ]; then
    wget -nv -c -t 1 -T 60 \${ca:+--ca-certificate="$ca"} -O "$2" "$1" && return
    [ $? -eq 5 ] || return 1
    cannot_check 'wget: no trust in it'
  fi
  wget -nv -c -t 1 -T 60 --no-check-certificate -O "$2" "$1"
}
by_wget() {
  [ -n "$unchecked" ] || cannot_check 'this wget checks none'
  wget -q -c -T 60 --no-check-certificate -O "$2" "$1"
}
# The authority's signature is what is checked, by whatever name it was reached.
by_node() {
  NODE_USE_ENV_PROXY=1 "$node" -e '
    const fs = require("fs");
    const [url, file, ca] = process.argv.slice(1);
    const trust = ca ? { ca: fs.readFileSync(ca), checkServerIdentity: () => undefined } : {};
    const failed = ({ message }) => { console.error(message); process.exit(1); };
    require("https").get(url, { ...trust, timeout: 60000 }, (answer) => {
      if (answer.statusCode !== 200) failed({ message: "the answer is " + answer.statusCode });
      require("stream").pipeline(answer, fs.createWriteStream(file), (error) => error && failed(error));
    }).on("timeout", function () { this.destroy(new Error("nothing comes")); }).on("error", failed);
  ' "$1" "$2" "$ca"
}
fetch() {
  if has curl; then by=by_curl
  elif is_gnu_wget; then by=by_gnu_wget
  elif [ -n "$node" ]; then by=by_node
  elif has wget; then by=by_wget
  else die 'neither curl nor wget is here to get the agent with; install one of them, then do this again'
  fi
  for attempt in 1 2 3 4 5; do
    for url in ${origins.join(' ')}; do
      if "$by" "$url/install/builds/$1" "$2"; then return; fi
    done
    [ "$attempt" -eq 5 ] || { say 'that did not work; trying again'; sleep $((attempt * 2)); }
  done
  return 1
}
${ca === undefined ? '' : `cat >"$ca" <<'END'\n${ca.trimEnd()}\nEND\n`}`;
}
