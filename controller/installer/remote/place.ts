import { encodeSlotRelease, programOf } from '../../../proto/slots.ts';
import type { Build, Packing } from '../build.ts';
import { LAYOUT, type Layout, type Slot } from './layout.ts';
import { type Variable, wordOf } from './quote.ts';
import { PRELUDE } from './script.ts';

export interface Placement {
  readonly build: Build;
  readonly slot: Slot;
  /** Of the host, for a bundle. */
  readonly node: string | Variable | undefined;
}

/** Commands from standard input to standard output. */
export const UNPACK: Readonly<Record<Packing, string>> = {
  zstd: 'zstd -dcq --memory=512MB',
  xz: 'xz -dc',
  gzip: 'gzip -dc',
};

/** Defines `digest FILE`: its SHA-512, in hex. */
export const DIGEST = `digest() {
  if has sha512sum; then
    sum=$(sha512sum <"$1") && printf '%s' "\${sum%% *}"
  else
    sum=$(openssl dgst -sha512 -r <"$1") && printf '%s' "\${sum%% *}"
  fi
}
`;

/** Tells `there=yes` where a slot holds this build already, whole: then nothing has to be sent. */
export function lookText(build: Build, slot: Slot, layout: Layout = LAYOUT): string {
  const file = `${layout.slots[slot]}/${programOf(build.form)}`;
  return `${PRELUDE}${DIGEST}
[ -f ${file} ] && [ "$(digest ${file})" = ${build.sha512} ] && tell there yes || :
`;
}

/**
 * Puts a build, which comes packed on its standard input, into a slot that is not the current one. It is unpacked from the pipe beside
 * its place, and gets there whole, with the right digest, and on the disk; release.json is the last file of a slot.
 * Tells `made=` for the folders that were not there before. `unpack` names a packing, or a variable that holds such a command.
 */
export function placeText(
  { build, slot, node }: Placement,
  unpack: Packing | Variable,
  layout: Layout = LAYOUT,
): string {
  const folder = layout.slots[slot];
  return `${PRELUDE}${DIGEST}
[ "$(readlink ${layout.current} 2>/dev/null)" != ${slot} ] || fail step 'the slot is the current one'
[ -d ${layout.program} ] || tell made ${layout.program}
mkdir -p ${layout.bin}
chown 0:0 ${layout.program} ${layout.bin}
chmod 0755 ${layout.program} ${layout.bin}
rm -rf ${folder}.new
mkdir -m 0755 ${folder}.new
trap 'rm -rf ${folder}.new' EXIT
if ! ${typeof unpack === 'string' ? UNPACK[unpack] : `$${unpack.variable}`} >${folder}.new/${programOf(build.form)} 2>${folder}.new/why; then
  why=$(head -c 500 ${folder}.new/why | tr '\\n' ' ')
  case $why in
    *'No space left'* | *'quota exceeded'*) fail disk-full ${layout.program} ;;
  esac
  set -- $(df -Pk ${layout.program} | tail -n 1)
  [ "\${4:-1}" -gt 0 ] || fail disk-full ${layout.program}
  fail copy-damaged "$why"
fi
rm ${folder}.new/why
[ "$(digest ${folder}.new/${programOf(build.form)})" = ${build.sha512} ] || fail copy-damaged 'its digest is another one'
${node === undefined ? '' : `ln -s ${wordOf(node)} ${folder}.new/node`}
chmod ${build.form === 'bundle' ? '0644' : '0755'} ${folder}.new/${programOf(build.form)}
cat >${folder}.new/release.json <<'END'
${encodeSlotRelease(build)}END
chown -R 0:0 ${folder}.new
settle ${folder}.new
rm -rf ${folder}
mv ${folder}.new ${folder}
trap - EXIT
settle ${layout.program}
`;
}
