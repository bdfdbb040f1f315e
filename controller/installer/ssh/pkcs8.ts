import { createPrivateKey } from 'node:crypto';

/**
 * A private key in PKCS#8, which ssh reads and ssh2 does not, in the older PEM that both do. Undefined for what is none. Throws where it
 * cannot be read, with a message that has "encrypted" in it where only the passphrase is missing.
 */
export function fromPkcs8(bytes: Buffer, passphrase?: string): Buffer | undefined {
  const text = bytes.toString('latin1');
  const kind = /-----BEGIN (ENCRYPTED )?PRIVATE KEY-----/.exec(text);
  if (!kind) return undefined;
  if (kind[1] !== undefined && passphrase === undefined) throw new Error('the key is encrypted');
  const key = createPrivateKey({ key: text, format: 'pem', ...(passphrase !== undefined && { passphrase }) });
  switch (key.asymmetricKeyType) {
    case 'rsa':
      return Buffer.from(key.export({ type: 'pkcs1', format: 'pem' }));
    case 'ec':
      return Buffer.from(key.export({ type: 'sec1', format: 'pem' }));
    default:
      throw new Error(
        `a key of type ${key.asymmetricKeyType} in PKCS#8; "ssh-keygen -p -f FILE" rewrites it`,
      );
  }
}
