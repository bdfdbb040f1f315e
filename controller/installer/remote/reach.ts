import { quoted } from './quote.ts';

/** Defines `bounded SECONDS PROGRAM…`: the program's status, or 137 when it took longer. */
export const BOUNDED = `
bounded() {
  seconds=$1
  shift
  "$@" &
  job=$!
  (
    nap=
    trap '[ -z "$nap" ] || kill "$nap"; exit' TERM
    sleep "$seconds" &
    nap=$!
    wait "$nap" && kill -9 "$job"
  ) >/dev/null 2>&1 </dev/null &
  guard=$!
  wait "$job"
  status=$?
  kill "$guard" 2>/dev/null
  return "$status"
}
`;

/** How long a host may try to reach a controller, in seconds: for its name, the connection and TLS. */
const WITHIN = 6;

/**
 * For the probe: whether each of these addresses can be reached from the host, all at once, with whatever is there: a line
 * `reach.INDEX=yes|no|unknown WHY` each. With a proxy only what can speak to one is asked.
 */
export function reachText(urls: readonly string[]): string {
  const calls = urls.map((url, index) => {
    const { hostname, port, protocol } = new URL(url);
    const isPlain = protocol === 'http:' || protocol === 'ws:';
    const origin = `${isPlain ? 'http' : 'https'}://${hostname}:${port || (isPlain ? 80 : 443)}`;
    const host = hostname.replace(/^\[|\]$/g, '');
    return `reach ${index} ${quoted(host)} ${port || (isPlain ? 80 : 443)} ${quoted(`${origin}/healthz`)} &`;
  });
  return `${BOUNDED}# HOST PORT: by whatever can open a connection. 0: opened; 1: not; 2: nothing here can.
dial() {
  if has bash; then
    bounded ${WITHIN} bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$1" "$2"
  elif has python3; then
    bounded ${WITHIN} python3 -c 'import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 5)' "$1" "$2"
  elif has perl; then
    bounded ${WITHIN} perl -MIO::Socket::IP -e 'exit(IO::Socket::IP->new(PeerHost => $ARGV[0], PeerPort => $ARGV[1], Timeout => 5) ? 0 : 1)' "$1" "$2"
  elif has nc; then
    bounded ${WITHIN} nc -z -w 5 "$1" "$2" || bounded ${WITHIN} nc -w 5 "$1" "$2" </dev/null
  else
    return 2
  fi >/dev/null 2>&1
}
# INDEX HOST PORT URL
reach() {
  # What this shell was told of proxies, the agent is not.
  unset HTTP_PROXY HTTPS_PROXY ALL_PROXY all_proxy no_proxy NO_PROXY
  export http_proxy="$proxy" https_proxy="$proxy"
  if has curl; then
    bounded ${WITHIN} curl -ksS --connect-timeout 5 --max-time 5 -o /dev/null "$4" 2>/dev/null
    status=$?
    case $status in
      0 | 22 | 52) put "reach.$1" 'yes' ;;
      5) put "reach.$1" 'no the name of the proxy is not known there' ;;
      6) put "reach.$1" 'no its name is not known there' ;;
      7) put "reach.$1" 'no the connection is refused' ;;
      28 | 137) put "reach.$1" 'no nothing answers' ;;
      35) put "reach.$1" 'no what answers there speaks no TLS' ;;
      56) put "reach.$1" 'no the connection is cut off' ;;
      *) put "reach.$1" "unknown curl says $status" ;;
    esac
    return
  fi
  if [ -n "$proxy" ]; then
    if has wget && wget --version 2>/dev/null | grep -q 'GNU Wget'; then
      bounded ${WITHIN} wget -q -t 1 -T 5 --no-check-certificate -O /dev/null "$4" 2>/dev/null
      case $? in
        0 | 8) put "reach.$1" yes ;;
        4 | 137) put "reach.$1" 'no nothing answers through the proxy' ;;
        *) put "reach.$1" 'unknown wget does not say' ;;
      esac
    else
      put "reach.$1" 'unknown neither curl nor wget is there to ask the proxy'
    fi
    return
  fi
  dial "$2" "$3"
  case $? in
    0) put "reach.$1" yes ;;
    2) put "reach.$1" 'unknown nothing there can open a connection' ;;
    *) put "reach.$1" 'no no connection' ;;
  esac
}
${calls.join('\n')}
`;
}
