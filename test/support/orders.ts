/** Orders as a controller makes them: signed, sealed, wrapped. */
import { type SealedBundle, seal, signOrder, wrapFor, wrappingPair } from '../../proto/bundle.ts';
import type { Clock } from '../../proto/clock.ts';
import { type DeliverMessage, Order, type OrderMessage, type TaskMessage } from '../../proto/codec.ts';
import type { KeyPair } from '../../proto/crypto.ts';
import { merkleTree, targetLeaf } from '../../proto/merkle.ts';
import type { RandomBytes } from '../../proto/random.ts';
import { ORDER_VERSION } from '../../proto/version.ts';

/** Whose orders they are, and the key that signs them where nobody else is named. */
interface Fleet {
  readonly fleetId: Uint8Array;
  readonly key: KeyPair;
}

export interface AgentAddress {
  agentId: Uint8Array;
  epoch: Uint8Array;
  boxPublicKey: Uint8Array;
}

export interface Made {
  order: OrderMessage;
  orderHash: Uint8Array;
  bundle: SealedBundle;
  deliver: DeliverMessage;
}

const NO_BYTES = new Uint8Array(0);

/** A task of no kind yet. */
export const NO_KIND: TaskMessage = {
  name: '',
  command: null,
  shell: null,
  script: null,
  file: null,
  tree: null,
  service: null,
  reboot: null,
  collect: null,
  upgrade: null,
  uninstall: null,
  packages: null,
  probe: null,
  guard: null,
  undo: null,
};

/** An order for one agent, signed, sealed and wrapped; what is not named runs `true`. */
export function makeOrder(
  fleet: Fleet,
  to: AgentAddress,
  options: {
    clock: Clock;
    random: RandomBytes;
    signers?: { role: 'controller' | 'operator'; key: KeyPair }[];
  },
  change: Partial<OrderMessage> = {},
): Made {
  const tree = merkleTree([targetLeaf({ agentId: to.agentId, epoch: to.epoch, params: NO_BYTES })]);
  const nowMs = options.clock.now();
  const order: OrderMessage = {
    version: ORDER_VERSION,
    fleetId: fleet.fleetId,
    jobId: options.random(16),
    kind: 'run',
    targetsRoot: tree.root,
    targetsCount: 1,
    signedAtMs: nowMs,
    notBeforeMs: 0,
    expiresAtMs: nowMs + 60_000,
    tasks: [{ ...NO_KIND, command: { argv: ['true'], stdin: NO_BYTES } }],
    limits: {
      timeoutMs: 60_000,
      killGraceMs: 1_000,
      outputCapBytes: 10 << 20,
      user: '',
      cwd: '',
      env: [],
      nice: 0,
    },
    retry: { policy: 'never', attempts: 1 },
    reason: '',
    cancel: null,
    check: false,
    ...change,
  };
  const bytes = Order.encode(order);
  const signers = options.signers ?? [{ role: 'controller', key: fleet.key }];
  const bundle = seal(
    bytes,
    signers.map(({ role, key }) => signOrder(bytes, role, key)),
    options.random,
  );
  const deliver = wrapFor(bundle, wrappingPair(options.random), {
    boxPublicKey: to.boxPublicKey,
    index: 0,
    proof: tree.proof(0),
    params: NO_BYTES,
  });
  return { order, orderHash: bundle.orderHash, bundle, deliver };
}

/** A cancel of that order, as the frame's value. */
export function makeCancel(
  fleet: Fleet,
  options: { clock: Clock; random: RandomBytes },
  of: Made,
  key: KeyPair = fleet.key,
): { order: Uint8Array; signatures: ReturnType<typeof signOrder>[] } {
  const nowMs = options.clock.now();
  const order = Order.encode({
    version: ORDER_VERSION,
    fleetId: fleet.fleetId,
    jobId: options.random(16),
    kind: 'cancel',
    signedAtMs: nowMs,
    notBeforeMs: 0,
    expiresAtMs: nowMs + 60_000,
    cancel: { jobId: of.order.jobId, orderHash: of.orderHash, expiresAtMs: of.order.expiresAtMs },
  });
  return { order, signatures: [signOrder(order, 'controller', key)] };
}
