import { MusterError } from '../../proto/errors.ts';

/** The proxy by which controllers are reached, as it was configured. Complete: nothing is looked up any more. */
export interface Via {
  readonly isSecure: boolean;
  readonly host: string;
  readonly port: number;
  /** `user:password`; never to be told to anybody but the proxy. */
  readonly credentials: string | undefined;
  /** Names, suffixes, addresses and networks that are reached without it, as NO_PROXY has them. */
  readonly except: readonly string[];
}

/** As the settings say; `proxy` is a URL that was checked, or empty. Each may be so. */
export interface ProxySettings {
  readonly proxy: string;
  readonly proxyAuthFile: string;
  readonly direct: string;
}

/** Undefined: no proxy. The file wins over what the URL says. Throws MusterError('bad-request') that repeats no secret. */
export function viaOf(settings: ProxySettings, read: (path: string) => string | undefined): Via | undefined {
  if (settings.proxy === '') return undefined;
  const url = new URL(withScheme(settings.proxy));
  const isSecure = url.protocol === 'https:';
  const inUrl = url.username === '' ? undefined : `${decode(url.username)}:${decode(url.password)}`;
  const file = settings.proxyAuthFile;
  return {
    isSecure,
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? (isSecure ? 443 : 80) : Number(url.port),
    credentials: file === '' ? inUrl : credentialsIn(file, read),
    except: settings.direct.split(/[\s,]+/).filter((one) => one !== ''),
  };
}

function credentialsIn(file: string, read: (path: string) => string | undefined): string {
  let text: string | undefined;
  try {
    text = read(file);
  } catch (cause) {
    throw new MusterError('bad-request', `the proxy's credentials: ${(cause as Error).message}`);
  }
  const line = text?.replace(/\r?\n$/, '');
  if (line === undefined || !/^[^:\0-\x1f\x7f]+:[^\0-\x1f\x7f]*$/.test(line))
    throw new MusterError('bad-request', `${file} has not one line "user:password" for the proxy`);
  return line;
}

/** As curl takes it: a proxy without a scheme is one of http. */
const withScheme = (text: string): string => (text.includes('://') ? text : `http://${text}`);

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
