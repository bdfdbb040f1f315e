// Generated from muster.proto by "npm run generate". Do not edit.
import * as $protobuf from "protobufjs/minimal.js";

export namespace muster {

    interface ISignature extends muster.Signature.$Properties {
    }

    class Signature {

        constructor(properties?: muster.Signature.$Properties);

        $unknowns?: Uint8Array[];

        keyId: Uint8Array;

        signature: Uint8Array;

        static encode(message: muster.Signature.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.Signature & muster.Signature.$Shape;
    }

    namespace Signature {

        interface $Properties {

            keyId?: (Uint8Array|null);

            signature?: (Uint8Array|null);

            $unknowns?: Uint8Array[];
        }

        type $Shape = muster.Signature.$Properties;
    }

    interface ITrustKey extends muster.TrustKey.$Properties {
    }

    class TrustKey {

        constructor(properties?: muster.TrustKey.$Properties);

        $unknowns?: Uint8Array[];

        role: string;

        publicKey: Uint8Array;

        name: string;

        kinds: string[];

        notAfterMs: number;

        static encode(message: muster.TrustKey.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.TrustKey & muster.TrustKey.$Shape;
    }

    namespace TrustKey {

        interface $Properties {

            role?: (string|null);

            publicKey?: (Uint8Array|null);

            name?: (string|null);

            kinds?: (string[]|null);

            notAfterMs?: (number|null);

            $unknowns?: Uint8Array[];
        }

        type $Shape = muster.TrustKey.$Properties;
    }

    interface ITrustDocument extends muster.TrustDocument.$Properties {
    }

    class TrustDocument {

        constructor(properties?: muster.TrustDocument.$Properties);

        $unknowns?: Uint8Array[];

        version: number;

        fleetId: Uint8Array;

        serial: number;

        issuedAtMs: number;

        expiresAtMs: number;

        rootPublicKey: Uint8Array;

        keys: muster.TrustKey.$Properties[];

        urls: string[];

        minimumAgentVersion: string;

        revoked: Uint8Array[];

        static encode(message: muster.TrustDocument.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.TrustDocument & muster.TrustDocument.$Shape;
    }

    namespace TrustDocument {

        interface $Properties {

            version?: (number|null);

            fleetId?: (Uint8Array|null);

            serial?: (number|null);

            issuedAtMs?: (number|null);

            expiresAtMs?: (number|null);

            rootPublicKey?: (Uint8Array|null);

            keys?: (muster.TrustKey.$Properties[]|null);

            urls?: (string[]|null);

            minimumAgentVersion?: (string|null);

            revoked?: (Uint8Array[]|null);

            $unknowns?: Uint8Array[];
        }

        type $Shape = muster.TrustDocument.$Properties;
    }

    interface ISignedTrust extends muster.SignedTrust.$Properties {
    }

    class SignedTrust {

        constructor(properties?: muster.SignedTrust.$Properties);

        $unknowns?: Uint8Array[];

        document: Uint8Array;

        signatures: muster.Signature.$Properties[];

        static encode(message: muster.SignedTrust.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.SignedTrust & muster.SignedTrust.$Shape;
    }

    namespace SignedTrust {

        interface $Properties {

            document?: (Uint8Array|null);

            signatures?: (muster.Signature.$Properties[]|null);

            $unknowns?: Uint8Array[];
        }

        type $Shape = muster.SignedTrust.$Properties;
    }

    interface IOrder extends muster.Order.$Properties {
    }

    class Order {

        constructor(properties?: muster.Order.$Properties);

        $unknowns?: Uint8Array[];

        version: number;

        fleetId: Uint8Array;

        jobId: Uint8Array;

        kind: string;

        targetsRoot: Uint8Array;

        targetsCount: number;

        signedAtMs: number;

        notBeforeMs: number;

        expiresAtMs: number;

        tasks: muster.Task.$Properties[];

        limits?: (muster.Limits.$Properties|null);

        retry?: (muster.Retry.$Properties|null);

        reason: string;

        cancel?: (muster.CancelOrder.$Properties|null);

        check: boolean;

        static encode(message: muster.Order.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.Order & muster.Order.$Shape;
    }

    namespace Order {

        interface $Properties {

            version?: (number|null);

            fleetId?: (Uint8Array|null);

            jobId?: (Uint8Array|null);

            kind?: (string|null);

            targetsRoot?: (Uint8Array|null);

            targetsCount?: (number|null);

            signedAtMs?: (number|null);

            notBeforeMs?: (number|null);

            expiresAtMs?: (number|null);

            tasks?: (muster.Task.$Properties[]|null);

            limits?: (muster.Limits.$Properties|null);

            retry?: (muster.Retry.$Properties|null);

            reason?: (string|null);

            cancel?: (muster.CancelOrder.$Properties|null);

            check?: (boolean|null);

            $unknowns?: Uint8Array[];
        }

        type $Shape = muster.Order.$Properties;
    }

    interface ITask extends muster.Task.$Properties {
    }

    class Task {

        constructor(properties?: muster.Task.$Properties);

        $unknowns?: Uint8Array[];

        name: string;

        command?: (muster.CommandTask.$Properties|null);

        shell?: (muster.ShellTask.$Properties|null);

        script?: (muster.ScriptTask.$Properties|null);

        file?: (muster.FileTask.$Properties|null);

        tree?: (muster.TreeTask.$Properties|null);

        service?: (muster.ServiceTask.$Properties|null);

        reboot?: (muster.RebootTask.$Properties|null);

        collect?: (muster.CollectTask.$Properties|null);

        upgrade?: (muster.UpgradeTask.$Properties|null);

        uninstall?: (muster.UninstallTask.$Properties|null);

        packages?: (muster.PackagesTask.$Properties|null);

        probe?: (muster.ProbeTask.$Properties|null);

        guard?: (muster.Guard.$Properties|null);

        undo?: (muster.Undo.$Properties|null);

        static encode(message: muster.Task.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.Task & muster.Task.$Shape;
    }

    namespace Task {

        interface $Properties {

            name?: (string|null);

            command?: (muster.CommandTask.$Properties|null);

            shell?: (muster.ShellTask.$Properties|null);

            script?: (muster.ScriptTask.$Properties|null);

            file?: (muster.FileTask.$Properties|null);

            tree?: (muster.TreeTask.$Properties|null);

            service?: (muster.ServiceTask.$Properties|null);

            reboot?: (muster.RebootTask.$Properties|null);

            collect?: (muster.CollectTask.$Properties|null);

            upgrade?: (muster.UpgradeTask.$Properties|null);

            uninstall?: (muster.UninstallTask.$Properties|null);

            packages?: (muster.PackagesTask.$Properties|null);

            probe?: (muster.ProbeTask.$Properties|null);

            guard?: (muster.Guard.$Properties|null);

            undo?: (muster.Undo.$Properties|null);

            $unknowns?: Uint8Array[];
        }

        type $Shape = muster.Task.$Properties;
    }

    interface IUndo extends muster.Undo.$Properties {
    }

    class Undo {

        constructor(properties?: muster.Undo.$Properties);

        $unknowns?: Uint8Array[];

        withinMs: number;

        tasks: muster.UndoTask.$Properties[];

        static encode(message: muster.Undo.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.Undo & muster.Undo.$Shape;
    }

    namespace Undo {

        interface $Properties {

            withinMs?: (number|null);

            tasks?: (muster.UndoTask.$Properties[]|null);

            $unknowns?: Uint8Array[];
        }

        type $Shape = muster.Undo.$Properties;
    }

    interface IUndoTask extends muster.UndoTask.$Properties {
    }

    class UndoTask {

        constructor(properties?: muster.UndoTask.$Properties);

        $unknowns?: Uint8Array[];

        command?: (muster.CommandTask.$Properties|null);

        shell?: (muster.ShellTask.$Properties|null);

        file?: (muster.FileTask.$Properties|null);

        service?: (muster.ServiceTask.$Properties|null);

        packages?: (muster.PackagesTask.$Properties|null);

        static encode(message: muster.UndoTask.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.UndoTask & muster.UndoTask.$Shape;
    }

    namespace UndoTask {

        interface $Properties {

            command?: (muster.CommandTask.$Properties|null);

            shell?: (muster.ShellTask.$Properties|null);

            file?: (muster.FileTask.$Properties|null);

            service?: (muster.ServiceTask.$Properties|null);

            packages?: (muster.PackagesTask.$Properties|null);

            $unknowns?: Uint8Array[];
        }

        type $Shape = muster.UndoTask.$Properties;
    }

    interface IGuard extends muster.Guard.$Properties {
    }

    class Guard {

        constructor(properties?: muster.Guard.$Properties);

        $unknowns?: Uint8Array[];

        unless: string;

        creates: string;

        static encode(message: muster.Guard.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.Guard & muster.Guard.$Shape;
    }

    namespace Guard {

        interface $Properties {

            unless?: (string|null);

            creates?: (string|null);

            $unknowns?: Uint8Array[];
        }

        type $Shape = muster.Guard.$Properties;
    }

    interface ICommandTask extends muster.CommandTask.$Properties {
    }

    class CommandTask {

        constructor(properties?: muster.CommandTask.$Properties);

        $unknowns?: Uint8Array[];

        argv: string[];

        stdin: Uint8Array;

        static encode(message: muster.CommandTask.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.CommandTask & muster.CommandTask.$Shape;
    }

    namespace CommandTask {

        interface $Properties {

            argv?: (string[]|null);

            stdin?: (Uint8Array|null);

            $unknowns?: Uint8Array[];
        }

        type $Shape = muster.CommandTask.$Properties;
    }

    interface IShellTask extends muster.ShellTask.$Properties {
    }

    class ShellTask {

        constructor(properties?: muster.ShellTask.$Properties);

        $unknowns?: Uint8Array[];

        line: string;

        stdin: Uint8Array;

        static encode(message: muster.ShellTask.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.ShellTask & muster.ShellTask.$Shape;
    }

    namespace ShellTask {

        interface $Properties {

            line?: (string|null);

            stdin?: (Uint8Array|null);

            $unknowns?: Uint8Array[];
        }

        type $Shape = muster.ShellTask.$Properties;
    }

    interface IScriptTask extends muster.ScriptTask.$Properties {
    }

    class ScriptTask {

        constructor(properties?: muster.ScriptTask.$Properties);

        $unknowns?: Uint8Array[];

        content: Uint8Array;

        args: string[];

        name: string;

        stdin: Uint8Array;

        static encode(message: muster.ScriptTask.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.ScriptTask & muster.ScriptTask.$Shape;
    }

    namespace ScriptTask {

        interface $Properties {

            content?: (Uint8Array|null);

            args?: (string[]|null);

            name?: (string|null);

            stdin?: (Uint8Array|null);

            $unknowns?: Uint8Array[];
        }

        type $Shape = muster.ScriptTask.$Properties;
    }

    interface IFileTask extends muster.FileTask.$Properties {
    }

    class FileTask {

        constructor(properties?: muster.FileTask.$Properties);

        $unknowns?: Uint8Array[];

        path: string;

        state: string;

        inline: Uint8Array;

        content?: (muster.Content.$Properties|null);

        target: string;

        owner: string;

        group: string;

        mode: number;

        static encode(message: muster.FileTask.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.FileTask & muster.FileTask.$Shape;
    }

    namespace FileTask {

        interface $Properties {

            path?: (string|null);

            state?: (string|null);

            inline?: (Uint8Array|null);

            content?: (muster.Content.$Properties|null);

            target?: (string|null);

            owner?: (string|null);

            group?: (string|null);

            mode?: (number|null);

            $unknowns?: Uint8Array[];
        }

        type $Shape = muster.FileTask.$Properties;
    }

    interface ITreeTask extends muster.TreeTask.$Properties {
    }

    class TreeTask {

        constructor(properties?: muster.TreeTask.$Properties);

        $unknowns?: Uint8Array[];

        path: string;

        manifest?: (muster.Content.$Properties|null);

        owner: string;

        group: string;

        static encode(message: muster.TreeTask.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.TreeTask & muster.TreeTask.$Shape;
    }

    namespace TreeTask {

        interface $Properties {

            path?: (string|null);

            manifest?: (muster.Content.$Properties|null);

            owner?: (string|null);

            group?: (string|null);

            $unknowns?: Uint8Array[];
        }

        type $Shape = muster.TreeTask.$Properties;
    }

    interface IContent extends muster.Content.$Properties {
    }

    class Content {

        constructor(properties?: muster.Content.$Properties);

        $unknowns?: Uint8Array[];

        sha512: Uint8Array;

        length: number;

        key: Uint8Array;

        static encode(message: muster.Content.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.Content & muster.Content.$Shape;
    }

    namespace Content {

        interface $Properties {

            sha512?: (Uint8Array|null);

            length?: (number|null);

            key?: (Uint8Array|null);

            $unknowns?: Uint8Array[];
        }

        type $Shape = muster.Content.$Properties;
    }

    interface ITreeManifest extends muster.TreeManifest.$Properties {
    }

    class TreeManifest {

        constructor(properties?: muster.TreeManifest.$Properties);

        $unknowns?: Uint8Array[];

        version: number;

        entries: muster.TreeEntry.$Properties[];

        static encode(message: muster.TreeManifest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.TreeManifest & muster.TreeManifest.$Shape;
    }

    namespace TreeManifest {

        interface $Properties {

            version?: (number|null);

            entries?: (muster.TreeEntry.$Properties[]|null);

            $unknowns?: Uint8Array[];
        }

        type $Shape = muster.TreeManifest.$Properties;
    }

    interface ITreeEntry extends muster.TreeEntry.$Properties {
    }

    class TreeEntry {

        constructor(properties?: muster.TreeEntry.$Properties);

        $unknowns?: Uint8Array[];

        path: string;

        kind: string;

        mode: number;

        content?: (muster.Content.$Properties|null);

        target: string;

        static encode(message: muster.TreeEntry.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.TreeEntry & muster.TreeEntry.$Shape;
    }

    namespace TreeEntry {

        interface $Properties {

            path?: (string|null);

            kind?: (string|null);

            mode?: (number|null);

            content?: (muster.Content.$Properties|null);

            target?: (string|null);

            $unknowns?: Uint8Array[];
        }

        type $Shape = muster.TreeEntry.$Properties;
    }

    interface IServiceTask extends muster.ServiceTask.$Properties {
    }

    class ServiceTask {

        constructor(properties?: muster.ServiceTask.$Properties);

        $unknowns?: Uint8Array[];

        unit: string;

        state: string;

        enabled: string;

        static encode(message: muster.ServiceTask.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.ServiceTask & muster.ServiceTask.$Shape;
    }

    namespace ServiceTask {

        interface $Properties {

            unit?: (string|null);

            state?: (string|null);

            enabled?: (string|null);

            $unknowns?: Uint8Array[];
        }

        type $Shape = muster.ServiceTask.$Properties;
    }

    interface IRebootTask extends muster.RebootTask.$Properties {
    }

    class RebootTask {

        constructor(properties?: muster.RebootTask.$Properties);

        $unknowns?: Uint8Array[];

        timeoutMs: number;

        ifNeeded: boolean;

        static encode(message: muster.RebootTask.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.RebootTask & muster.RebootTask.$Shape;
    }

    namespace RebootTask {

        interface $Properties {

            timeoutMs?: (number|null);

            ifNeeded?: (boolean|null);

            $unknowns?: Uint8Array[];
        }

        type $Shape = muster.RebootTask.$Properties;
    }

    interface IPackagesTask extends muster.PackagesTask.$Properties {
    }

    class PackagesTask {

        constructor(properties?: muster.PackagesTask.$Properties);

        $unknowns?: Uint8Array[];

        action: string;

        names: string[];

        exclude: string[];

        security: boolean;

        state: string;

        version: string;

        configFiles: string;

        wayBack: string;

        lockWaitMs: number;

        static encode(message: muster.PackagesTask.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.PackagesTask & muster.PackagesTask.$Shape;
    }

    namespace PackagesTask {

        interface $Properties {

            action?: (string|null);

            names?: (string[]|null);

            exclude?: (string[]|null);

            security?: (boolean|null);

            state?: (string|null);

            version?: (string|null);

            configFiles?: (string|null);

            wayBack?: (string|null);

            lockWaitMs?: (number|null);

            $unknowns?: Uint8Array[];
        }

        type $Shape = muster.PackagesTask.$Properties;
    }

    interface IPackageTransaction extends muster.PackageTransaction.$Properties {
    }

    class PackageTransaction {

        constructor(properties?: muster.PackageTransaction.$Properties);

        $unknowns?: Uint8Array[];

        manager: string;

        changes: muster.PackageChange.$Properties[];

        static encode(message: muster.PackageTransaction.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.PackageTransaction & muster.PackageTransaction.$Shape;
    }

    namespace PackageTransaction {

        interface $Properties {

            manager?: (string|null);

            changes?: (muster.PackageChange.$Properties[]|null);

            $unknowns?: Uint8Array[];
        }

        type $Shape = muster.PackageTransaction.$Properties;
    }

    interface IPackageChange extends muster.PackageChange.$Properties {
    }

    class PackageChange {

        constructor(properties?: muster.PackageChange.$Properties);

        $unknowns?: Uint8Array[];

        name: string;

        arch: string;

        from: string;

        to: string;

        static encode(message: muster.PackageChange.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.PackageChange & muster.PackageChange.$Shape;
    }

    namespace PackageChange {

        interface $Properties {

            name?: (string|null);

            arch?: (string|null);

            from?: (string|null);

            to?: (string|null);

            $unknowns?: Uint8Array[];
        }

        type $Shape = muster.PackageChange.$Properties;
    }

    interface ITargetParams extends muster.TargetParams.$Properties {
    }

    class TargetParams {

        constructor(properties?: muster.TargetParams.$Properties);

        $unknowns?: Uint8Array[];

        version: number;

        transaction?: (muster.PackageTransaction.$Properties|null);

        static encode(message: muster.TargetParams.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.TargetParams & muster.TargetParams.$Shape;
    }

    namespace TargetParams {

        interface $Properties {

            version?: (number|null);

            transaction?: (muster.PackageTransaction.$Properties|null);

            $unknowns?: Uint8Array[];
        }

        type $Shape = muster.TargetParams.$Properties;
    }

    interface IProbeTask extends muster.ProbeTask.$Properties {
    }

    class ProbeTask {

        constructor(properties?: muster.ProbeTask.$Properties);

        $unknowns?: Uint8Array[];

        command?: (muster.CommandTask.$Properties|null);

        shell?: (muster.ShellTask.$Properties|null);

        http?: (muster.HttpProbe.$Properties|null);

        tcp?: (muster.TcpProbe.$Properties|null);

        need: number;

        of: number;

        everyMs: number;

        timeoutMs: number;

        withinMs: number;

        holdMs: number;

        static encode(message: muster.ProbeTask.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.ProbeTask & muster.ProbeTask.$Shape;
    }

    namespace ProbeTask {

        interface $Properties {

            command?: (muster.CommandTask.$Properties|null);

            shell?: (muster.ShellTask.$Properties|null);

            http?: (muster.HttpProbe.$Properties|null);

            tcp?: (muster.TcpProbe.$Properties|null);

            need?: (number|null);

            of?: (number|null);

            everyMs?: (number|null);

            timeoutMs?: (number|null);

            withinMs?: (number|null);

            holdMs?: (number|null);

            $unknowns?: Uint8Array[];
        }

        type $Shape = muster.ProbeTask.$Properties;
    }

    interface IHttpProbe extends muster.HttpProbe.$Properties {
    }

    class HttpProbe {

        constructor(properties?: muster.HttpProbe.$Properties);

        $unknowns?: Uint8Array[];

        url: string;

        status: number;

        contains: string;

        insecure: boolean;

        static encode(message: muster.HttpProbe.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.HttpProbe & muster.HttpProbe.$Shape;
    }

    namespace HttpProbe {

        interface $Properties {

            url?: (string|null);

            status?: (number|null);

            contains?: (string|null);

            insecure?: (boolean|null);

            $unknowns?: Uint8Array[];
        }

        type $Shape = muster.HttpProbe.$Properties;
    }

    interface ITcpProbe extends muster.TcpProbe.$Properties {
    }

    class TcpProbe {

        constructor(properties?: muster.TcpProbe.$Properties);

        $unknowns?: Uint8Array[];

        host: string;

        port: number;

        static encode(message: muster.TcpProbe.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.TcpProbe & muster.TcpProbe.$Shape;
    }

    namespace TcpProbe {

        interface $Properties {

            host?: (string|null);

            port?: (number|null);

            $unknowns?: Uint8Array[];
        }

        type $Shape = muster.TcpProbe.$Properties;
    }

    interface ICollectTask extends muster.CollectTask.$Properties {
    }

    class CollectTask {

        constructor(properties?: muster.CollectTask.$Properties);

        $unknowns?: Uint8Array[];

        path: string;

        static encode(message: muster.CollectTask.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.CollectTask & muster.CollectTask.$Shape;
    }

    namespace CollectTask {

        interface $Properties {

            path?: (string|null);

            $unknowns?: Uint8Array[];
        }

        type $Shape = muster.CollectTask.$Properties;
    }

    interface IUpgradeTask extends muster.UpgradeTask.$Properties {
    }

    class UpgradeTask {

        constructor(properties?: muster.UpgradeTask.$Properties);

        $unknowns?: Uint8Array[];

        release: Uint8Array;

        signatures: muster.Signature.$Properties[];

        contents: muster.Content.$Properties[];

        onlineWithinMs: number;

        static encode(message: muster.UpgradeTask.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.UpgradeTask & muster.UpgradeTask.$Shape;
    }

    namespace UpgradeTask {

        interface $Properties {

            release?: (Uint8Array|null);

            signatures?: (muster.Signature.$Properties[]|null);

            contents?: (muster.Content.$Properties[]|null);

            onlineWithinMs?: (number|null);

            $unknowns?: Uint8Array[];
        }

        type $Shape = muster.UpgradeTask.$Properties;
    }

    interface IUninstallTask extends muster.UninstallTask.$Properties {
    }

    class UninstallTask {

        constructor(properties?: muster.UninstallTask.$Properties);

        $unknowns?: Uint8Array[];

        keepPolicy: boolean;

        static encode(message: muster.UninstallTask.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.UninstallTask & muster.UninstallTask.$Shape;
    }

    namespace UninstallTask {

        interface $Properties {

            keepPolicy?: (boolean|null);

            $unknowns?: Uint8Array[];
        }

        type $Shape = muster.UninstallTask.$Properties;
    }

    interface IRelease extends muster.Release.$Properties {
    }

    class Release {

        constructor(properties?: muster.Release.$Properties);

        $unknowns?: Uint8Array[];

        version: number;

        agentVersion: string;

        builds: muster.Build.$Properties[];

        static encode(message: muster.Release.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.Release & muster.Release.$Shape;
    }

    namespace Release {

        interface $Properties {

            version?: (number|null);

            agentVersion?: (string|null);

            builds?: (muster.Build.$Properties[]|null);

            $unknowns?: Uint8Array[];
        }

        type $Shape = muster.Release.$Properties;
    }

    interface IBuild extends muster.Build.$Properties {
    }

    class Build {

        constructor(properties?: muster.Build.$Properties);

        $unknowns?: Uint8Array[];

        form: string;

        arch: string;

        sha512: Uint8Array;

        length: number;

        static encode(message: muster.Build.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.Build & muster.Build.$Shape;
    }

    namespace Build {

        interface $Properties {

            form?: (string|null);

            arch?: (string|null);

            sha512?: (Uint8Array|null);

            length?: (number|null);

            $unknowns?: Uint8Array[];
        }

        type $Shape = muster.Build.$Properties;
    }

    interface IEnvVar extends muster.EnvVar.$Properties {
    }

    class EnvVar {

        constructor(properties?: muster.EnvVar.$Properties);

        $unknowns?: Uint8Array[];

        name: string;

        value: string;

        static encode(message: muster.EnvVar.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.EnvVar & muster.EnvVar.$Shape;
    }

    namespace EnvVar {

        interface $Properties {

            name?: (string|null);

            value?: (string|null);

            $unknowns?: Uint8Array[];
        }

        type $Shape = muster.EnvVar.$Properties;
    }

    interface ILimits extends muster.Limits.$Properties {
    }

    class Limits {

        constructor(properties?: muster.Limits.$Properties);

        $unknowns?: Uint8Array[];

        timeoutMs: number;

        killGraceMs: number;

        outputCapBytes: number;

        user: string;

        cwd: string;

        env: muster.EnvVar.$Properties[];

        nice: number;

        static encode(message: muster.Limits.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.Limits & muster.Limits.$Shape;
    }

    namespace Limits {

        interface $Properties {

            timeoutMs?: (number|null);

            killGraceMs?: (number|null);

            outputCapBytes?: (number|null);

            user?: (string|null);

            cwd?: (string|null);

            env?: (muster.EnvVar.$Properties[]|null);

            nice?: (number|null);

            $unknowns?: Uint8Array[];
        }

        type $Shape = muster.Limits.$Properties;
    }

    interface IRetry extends muster.Retry.$Properties {
    }

    class Retry {

        constructor(properties?: muster.Retry.$Properties);

        $unknowns?: Uint8Array[];

        policy: string;

        attempts: number;

        static encode(message: muster.Retry.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.Retry & muster.Retry.$Shape;
    }

    namespace Retry {

        interface $Properties {

            policy?: (string|null);

            attempts?: (number|null);

            $unknowns?: Uint8Array[];
        }

        type $Shape = muster.Retry.$Properties;
    }

    interface ICancelOrder extends muster.CancelOrder.$Properties {
    }

    class CancelOrder {

        constructor(properties?: muster.CancelOrder.$Properties);

        $unknowns?: Uint8Array[];

        jobId: Uint8Array;

        orderHash: Uint8Array;

        expiresAtMs: number;

        static encode(message: muster.CancelOrder.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.CancelOrder & muster.CancelOrder.$Shape;
    }

    namespace CancelOrder {

        interface $Properties {

            jobId?: (Uint8Array|null);

            orderHash?: (Uint8Array|null);

            expiresAtMs?: (number|null);

            $unknowns?: Uint8Array[];
        }

        type $Shape = muster.CancelOrder.$Properties;
    }

    interface ISignedOrder extends muster.SignedOrder.$Properties {
    }

    class SignedOrder {

        constructor(properties?: muster.SignedOrder.$Properties);

        $unknowns?: Uint8Array[];

        order: Uint8Array;

        signatures: muster.Signature.$Properties[];

        static encode(message: muster.SignedOrder.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.SignedOrder & muster.SignedOrder.$Shape;
    }

    namespace SignedOrder {

        interface $Properties {

            order?: (Uint8Array|null);

            signatures?: (muster.Signature.$Properties[]|null);

            $unknowns?: Uint8Array[];
        }

        type $Shape = muster.SignedOrder.$Properties;
    }

    interface IDeliver extends muster.Deliver.$Properties {
    }

    class Deliver {

        constructor(properties?: muster.Deliver.$Properties);

        $unknowns?: Uint8Array[];

        orderHash: Uint8Array;

        index: number;

        proof: Uint8Array[];

        epk: Uint8Array;

        keyBox: Uint8Array;

        paramsBox: Uint8Array;

        chunks: Uint8Array[];

        static encode(message: muster.Deliver.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.Deliver & muster.Deliver.$Shape;
    }

    namespace Deliver {

        interface $Properties {

            orderHash?: (Uint8Array|null);

            index?: (number|null);

            proof?: (Uint8Array[]|null);

            epk?: (Uint8Array|null);

            keyBox?: (Uint8Array|null);

            paramsBox?: (Uint8Array|null);

            chunks?: (Uint8Array[]|null);

            $unknowns?: Uint8Array[];
        }

        type $Shape = muster.Deliver.$Properties;
    }

    interface IPreamble extends muster.Preamble.$Properties {
    }

    class Preamble {

        constructor(properties?: muster.Preamble.$Properties);

        $unknowns?: Uint8Array[];

        hello?: (Uint8Array|null);

        trust?: (Uint8Array|null);

        welcome?: (muster.Welcome.$Properties|null);

        refusal?: (muster.Refusal.$Properties|null);

        body?: ("hello"|"trust"|"welcome"|"refusal");

        static encode(message: muster.Preamble.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.Preamble & muster.Preamble.$Shape;
    }

    namespace Preamble {

        interface $Properties {

            hello?: (Uint8Array|null);

            trust?: (Uint8Array|null);

            welcome?: (muster.Welcome.$Properties|null);

            refusal?: (muster.Refusal.$Properties|null);

            body?: ("hello"|"trust"|"welcome"|"refusal");

            $unknowns?: Uint8Array[];
        }

        type $Shape = {
          hello?: Uint8Array|null;
          trust?: Uint8Array|null;
          welcome?: muster.Welcome.$Shape|null;
          refusal?: muster.Refusal.$Shape|null;
          $unknowns?: Uint8Array[];
        } & (
          ({ body?: undefined; hello?: null; trust?: null; welcome?: null; refusal?: null }|{ body?: "hello"; hello: Uint8Array; trust?: null; welcome?: null; refusal?: null }|{ body?: "trust"; hello?: null; trust: Uint8Array; welcome?: null; refusal?: null }|{ body?: "welcome"; hello?: null; trust?: null; welcome: muster.Welcome.$Shape; refusal?: null }|{ body?: "refusal"; hello?: null; trust?: null; welcome?: null; refusal: muster.Refusal.$Shape })
        );
    }

    interface IHello extends muster.Hello.$Properties {
    }

    class Hello {

        constructor(properties?: muster.Hello.$Properties);

        $unknowns?: Uint8Array[];

        versions: number[];

        fleetId: Uint8Array;

        agentId: Uint8Array;

        nonce: Uint8Array;

        ephemeral: Uint8Array;

        trustSerial: number;

        purpose: string;

        rootKeyId: Uint8Array;

        static encode(message: muster.Hello.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.Hello & muster.Hello.$Shape;
    }

    namespace Hello {

        interface $Properties {

            versions?: (number[]|null);

            fleetId?: (Uint8Array|null);

            agentId?: (Uint8Array|null);

            nonce?: (Uint8Array|null);

            ephemeral?: (Uint8Array|null);

            trustSerial?: (number|null);

            purpose?: (string|null);

            rootKeyId?: (Uint8Array|null);

            $unknowns?: Uint8Array[];
        }

        type $Shape = muster.Hello.$Properties;
    }

    interface IWelcome extends muster.Welcome.$Properties {
    }

    class Welcome {

        constructor(properties?: muster.Welcome.$Properties);

        $unknowns?: Uint8Array[];

        body: Uint8Array;

        signature: Uint8Array;

        static encode(message: muster.Welcome.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.Welcome & muster.Welcome.$Shape;
    }

    namespace Welcome {

        interface $Properties {

            body?: (Uint8Array|null);

            signature?: (Uint8Array|null);

            $unknowns?: Uint8Array[];
        }

        type $Shape = muster.Welcome.$Properties;
    }

    interface IWelcomeBody extends muster.WelcomeBody.$Properties {
    }

    class WelcomeBody {

        constructor(properties?: muster.WelcomeBody.$Properties);

        $unknowns?: Uint8Array[];

        version: number;

        nonce: Uint8Array;

        ephemeral: Uint8Array;

        controllerKeyId: Uint8Array;

        trustSerial: number;

        timeMs: number;

        static encode(message: muster.WelcomeBody.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.WelcomeBody & muster.WelcomeBody.$Shape;
    }

    namespace WelcomeBody {

        interface $Properties {

            version?: (number|null);

            nonce?: (Uint8Array|null);

            ephemeral?: (Uint8Array|null);

            controllerKeyId?: (Uint8Array|null);

            trustSerial?: (number|null);

            timeMs?: (number|null);

            $unknowns?: Uint8Array[];
        }

        type $Shape = muster.WelcomeBody.$Properties;
    }

    interface IProofBody extends muster.ProofBody.$Properties {
    }

    class ProofBody {

        constructor(properties?: muster.ProofBody.$Properties);

        $unknowns?: Uint8Array[];

        epoch: Uint8Array;

        counter: number;

        instance: Uint8Array;

        bootId: string;

        agentVersion: string;

        factsDigest: Uint8Array;

        wallMs: number;

        static encode(message: muster.ProofBody.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.ProofBody & muster.ProofBody.$Shape;
    }

    namespace ProofBody {

        interface $Properties {

            epoch?: (Uint8Array|null);

            counter?: (number|null);

            instance?: (Uint8Array|null);

            bootId?: (string|null);

            agentVersion?: (string|null);

            factsDigest?: (Uint8Array|null);

            wallMs?: (number|null);

            $unknowns?: Uint8Array[];
        }

        type $Shape = muster.ProofBody.$Properties;
    }

    interface IProof extends muster.Proof.$Properties {
    }

    class Proof {

        constructor(properties?: muster.Proof.$Properties);

        $unknowns?: Uint8Array[];

        body: Uint8Array;

        signature: Uint8Array;

        static encode(message: muster.Proof.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.Proof & muster.Proof.$Shape;
    }

    namespace Proof {

        interface $Properties {

            body?: (Uint8Array|null);

            signature?: (Uint8Array|null);

            $unknowns?: Uint8Array[];
        }

        type $Shape = muster.Proof.$Properties;
    }

    interface IRefusal extends muster.Refusal.$Properties {
    }

    class Refusal {

        constructor(properties?: muster.Refusal.$Properties);

        $unknowns?: Uint8Array[];

        code: string;

        detail: string;

        retryAfterMs: number;

        static encode(message: muster.Refusal.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.Refusal & muster.Refusal.$Shape;
    }

    namespace Refusal {

        interface $Properties {

            code?: (string|null);

            detail?: (string|null);

            retryAfterMs?: (number|null);

            $unknowns?: Uint8Array[];
        }

        type $Shape = muster.Refusal.$Properties;
    }

    interface IEnrolRequest extends muster.EnrolRequest.$Properties {
    }

    class EnrolRequest {

        constructor(properties?: muster.EnrolRequest.$Properties);

        $unknowns?: Uint8Array[];

        version: number;

        signPublicKey: Uint8Array;

        boxPublicKey: Uint8Array;

        name: string;

        labels: { [k: string]: string };

        replace: boolean;

        epoch: Uint8Array;

        hostname: string;

        machineId: string;

        static encode(message: muster.EnrolRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.EnrolRequest & muster.EnrolRequest.$Shape;
    }

    namespace EnrolRequest {

        interface $Properties {

            version?: (number|null);

            signPublicKey?: (Uint8Array|null);

            boxPublicKey?: (Uint8Array|null);

            name?: (string|null);

            labels?: ({ [k: string]: string }|null);

            replace?: (boolean|null);

            epoch?: (Uint8Array|null);

            hostname?: (string|null);

            machineId?: (string|null);

            $unknowns?: Uint8Array[];
        }

        type $Shape = muster.EnrolRequest.$Properties;
    }

    interface IEnrol extends muster.Enrol.$Properties {
    }

    class Enrol {

        constructor(properties?: muster.Enrol.$Properties);

        $unknowns?: Uint8Array[];

        request: Uint8Array;

        signature: Uint8Array;

        tokenSecret: Uint8Array;

        static encode(message: muster.Enrol.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.Enrol & muster.Enrol.$Shape;
    }

    namespace Enrol {

        interface $Properties {

            request?: (Uint8Array|null);

            signature?: (Uint8Array|null);

            tokenSecret?: (Uint8Array|null);

            $unknowns?: Uint8Array[];
        }

        type $Shape = muster.Enrol.$Properties;
    }

    interface IEnrolGrant extends muster.EnrolGrant.$Properties {
    }

    class EnrolGrant {

        constructor(properties?: muster.EnrolGrant.$Properties);

        $unknowns?: Uint8Array[];

        version: number;

        fleetId: Uint8Array;

        agentId: Uint8Array;

        name: string;

        labels: { [k: string]: string };

        state: string;

        static encode(message: muster.EnrolGrant.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.EnrolGrant & muster.EnrolGrant.$Shape;
    }

    namespace EnrolGrant {

        interface $Properties {

            version?: (number|null);

            fleetId?: (Uint8Array|null);

            agentId?: (Uint8Array|null);

            name?: (string|null);

            labels?: ({ [k: string]: string }|null);

            state?: (string|null);

            $unknowns?: Uint8Array[];
        }

        type $Shape = muster.EnrolGrant.$Properties;
    }

    interface IEnrolled extends muster.Enrolled.$Properties {
    }

    class Enrolled {

        constructor(properties?: muster.Enrolled.$Properties);

        $unknowns?: Uint8Array[];

        grant: Uint8Array;

        signature: Uint8Array;

        static encode(message: muster.Enrolled.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.Enrolled & muster.Enrolled.$Shape;
    }

    namespace Enrolled {

        interface $Properties {

            grant?: (Uint8Array|null);

            signature?: (Uint8Array|null);

            $unknowns?: Uint8Array[];
        }

        type $Shape = muster.Enrolled.$Properties;
    }

    interface IFrame extends muster.Frame.$Properties {
    }

    class Frame {

        constructor(properties?: muster.Frame.$Properties);

        $unknowns?: Uint8Array[];

        proof?: (muster.Proof.$Properties|null);

        enrol?: (muster.Enrol.$Properties|null);

        status?: (muster.Status.$Properties|null);

        output?: (muster.Output.$Properties|null);

        report?: (muster.SignedReport.$Properties|null);

        facts?: (muster.Facts.$Properties|null);

        contentRequest?: (muster.ContentRequest.$Properties|null);

        ready?: (muster.Ready.$Properties|null);

        enrolled?: (muster.Enrolled.$Properties|null);

        deliver?: (muster.Deliver.$Properties|null);

        cancel?: (muster.SignedOrder.$Properties|null);

        outputAck?: (muster.OutputAck.$Properties|null);

        receipt?: (muster.Receipt.$Properties|null);

        trust?: (Uint8Array|null);

        contentChunk?: (muster.ContentChunk.$Properties|null);

        contentRefusal?: (muster.ContentRefusal.$Properties|null);

        ping?: (muster.Ping.$Properties|null);

        pong?: (muster.Pong.$Properties|null);

        refusal?: (muster.Refusal.$Properties|null);

        body?: ("proof"|"enrol"|"status"|"output"|"report"|"facts"|"contentRequest"|"ready"|"enrolled"|"deliver"|"cancel"|"outputAck"|"receipt"|"trust"|"contentChunk"|"contentRefusal"|"ping"|"pong"|"refusal");

        static encode(message: muster.Frame.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.Frame & muster.Frame.$Shape;
    }

    namespace Frame {

        interface $Properties {

            proof?: (muster.Proof.$Properties|null);

            enrol?: (muster.Enrol.$Properties|null);

            status?: (muster.Status.$Properties|null);

            output?: (muster.Output.$Properties|null);

            report?: (muster.SignedReport.$Properties|null);

            facts?: (muster.Facts.$Properties|null);

            contentRequest?: (muster.ContentRequest.$Properties|null);

            ready?: (muster.Ready.$Properties|null);

            enrolled?: (muster.Enrolled.$Properties|null);

            deliver?: (muster.Deliver.$Properties|null);

            cancel?: (muster.SignedOrder.$Properties|null);

            outputAck?: (muster.OutputAck.$Properties|null);

            receipt?: (muster.Receipt.$Properties|null);

            trust?: (Uint8Array|null);

            contentChunk?: (muster.ContentChunk.$Properties|null);

            contentRefusal?: (muster.ContentRefusal.$Properties|null);

            ping?: (muster.Ping.$Properties|null);

            pong?: (muster.Pong.$Properties|null);

            refusal?: (muster.Refusal.$Properties|null);

            body?: ("proof"|"enrol"|"status"|"output"|"report"|"facts"|"contentRequest"|"ready"|"enrolled"|"deliver"|"cancel"|"outputAck"|"receipt"|"trust"|"contentChunk"|"contentRefusal"|"ping"|"pong"|"refusal");

            $unknowns?: Uint8Array[];
        }

        type $Shape = {
          proof?: muster.Proof.$Shape|null;
          enrol?: muster.Enrol.$Shape|null;
          status?: muster.Status.$Shape|null;
          output?: muster.Output.$Shape|null;
          report?: muster.SignedReport.$Shape|null;
          facts?: muster.Facts.$Shape|null;
          contentRequest?: muster.ContentRequest.$Shape|null;
          ready?: muster.Ready.$Shape|null;
          enrolled?: muster.Enrolled.$Shape|null;
          deliver?: muster.Deliver.$Shape|null;
          cancel?: muster.SignedOrder.$Shape|null;
          outputAck?: muster.OutputAck.$Shape|null;
          receipt?: muster.Receipt.$Shape|null;
          trust?: Uint8Array|null;
          contentChunk?: muster.ContentChunk.$Shape|null;
          contentRefusal?: muster.ContentRefusal.$Shape|null;
          ping?: muster.Ping.$Shape|null;
          pong?: muster.Pong.$Shape|null;
          refusal?: muster.Refusal.$Shape|null;
          $unknowns?: Uint8Array[];
        } & (
          ({ body?: undefined; proof?: null; enrol?: null; status?: null; output?: null; report?: null; facts?: null; contentRequest?: null; ready?: null; enrolled?: null; deliver?: null; cancel?: null; outputAck?: null; receipt?: null; trust?: null; contentChunk?: null; contentRefusal?: null; ping?: null; pong?: null; refusal?: null }|{ body?: "proof"; proof: muster.Proof.$Shape; enrol?: null; status?: null; output?: null; report?: null; facts?: null; contentRequest?: null; ready?: null; enrolled?: null; deliver?: null; cancel?: null; outputAck?: null; receipt?: null; trust?: null; contentChunk?: null; contentRefusal?: null; ping?: null; pong?: null; refusal?: null }|{ body?: "enrol"; proof?: null; enrol: muster.Enrol.$Shape; status?: null; output?: null; report?: null; facts?: null; contentRequest?: null; ready?: null; enrolled?: null; deliver?: null; cancel?: null; outputAck?: null; receipt?: null; trust?: null; contentChunk?: null; contentRefusal?: null; ping?: null; pong?: null; refusal?: null }|{ body?: "status"; proof?: null; enrol?: null; status: muster.Status.$Shape; output?: null; report?: null; facts?: null; contentRequest?: null; ready?: null; enrolled?: null; deliver?: null; cancel?: null; outputAck?: null; receipt?: null; trust?: null; contentChunk?: null; contentRefusal?: null; ping?: null; pong?: null; refusal?: null }|{ body?: "output"; proof?: null; enrol?: null; status?: null; output: muster.Output.$Shape; report?: null; facts?: null; contentRequest?: null; ready?: null; enrolled?: null; deliver?: null; cancel?: null; outputAck?: null; receipt?: null; trust?: null; contentChunk?: null; contentRefusal?: null; ping?: null; pong?: null; refusal?: null }|{ body?: "report"; proof?: null; enrol?: null; status?: null; output?: null; report: muster.SignedReport.$Shape; facts?: null; contentRequest?: null; ready?: null; enrolled?: null; deliver?: null; cancel?: null; outputAck?: null; receipt?: null; trust?: null; contentChunk?: null; contentRefusal?: null; ping?: null; pong?: null; refusal?: null }|{ body?: "facts"; proof?: null; enrol?: null; status?: null; output?: null; report?: null; facts: muster.Facts.$Shape; contentRequest?: null; ready?: null; enrolled?: null; deliver?: null; cancel?: null; outputAck?: null; receipt?: null; trust?: null; contentChunk?: null; contentRefusal?: null; ping?: null; pong?: null; refusal?: null }|{ body?: "contentRequest"; proof?: null; enrol?: null; status?: null; output?: null; report?: null; facts?: null; contentRequest: muster.ContentRequest.$Shape; ready?: null; enrolled?: null; deliver?: null; cancel?: null; outputAck?: null; receipt?: null; trust?: null; contentChunk?: null; contentRefusal?: null; ping?: null; pong?: null; refusal?: null }|{ body?: "ready"; proof?: null; enrol?: null; status?: null; output?: null; report?: null; facts?: null; contentRequest?: null; ready: muster.Ready.$Shape; enrolled?: null; deliver?: null; cancel?: null; outputAck?: null; receipt?: null; trust?: null; contentChunk?: null; contentRefusal?: null; ping?: null; pong?: null; refusal?: null }|{ body?: "enrolled"; proof?: null; enrol?: null; status?: null; output?: null; report?: null; facts?: null; contentRequest?: null; ready?: null; enrolled: muster.Enrolled.$Shape; deliver?: null; cancel?: null; outputAck?: null; receipt?: null; trust?: null; contentChunk?: null; contentRefusal?: null; ping?: null; pong?: null; refusal?: null }|{ body?: "deliver"; proof?: null; enrol?: null; status?: null; output?: null; report?: null; facts?: null; contentRequest?: null; ready?: null; enrolled?: null; deliver: muster.Deliver.$Shape; cancel?: null; outputAck?: null; receipt?: null; trust?: null; contentChunk?: null; contentRefusal?: null; ping?: null; pong?: null; refusal?: null }|{ body?: "cancel"; proof?: null; enrol?: null; status?: null; output?: null; report?: null; facts?: null; contentRequest?: null; ready?: null; enrolled?: null; deliver?: null; cancel: muster.SignedOrder.$Shape; outputAck?: null; receipt?: null; trust?: null; contentChunk?: null; contentRefusal?: null; ping?: null; pong?: null; refusal?: null }|{ body?: "outputAck"; proof?: null; enrol?: null; status?: null; output?: null; report?: null; facts?: null; contentRequest?: null; ready?: null; enrolled?: null; deliver?: null; cancel?: null; outputAck: muster.OutputAck.$Shape; receipt?: null; trust?: null; contentChunk?: null; contentRefusal?: null; ping?: null; pong?: null; refusal?: null }|{ body?: "receipt"; proof?: null; enrol?: null; status?: null; output?: null; report?: null; facts?: null; contentRequest?: null; ready?: null; enrolled?: null; deliver?: null; cancel?: null; outputAck?: null; receipt: muster.Receipt.$Shape; trust?: null; contentChunk?: null; contentRefusal?: null; ping?: null; pong?: null; refusal?: null }|{ body?: "trust"; proof?: null; enrol?: null; status?: null; output?: null; report?: null; facts?: null; contentRequest?: null; ready?: null; enrolled?: null; deliver?: null; cancel?: null; outputAck?: null; receipt?: null; trust: Uint8Array; contentChunk?: null; contentRefusal?: null; ping?: null; pong?: null; refusal?: null }|{ body?: "contentChunk"; proof?: null; enrol?: null; status?: null; output?: null; report?: null; facts?: null; contentRequest?: null; ready?: null; enrolled?: null; deliver?: null; cancel?: null; outputAck?: null; receipt?: null; trust?: null; contentChunk: muster.ContentChunk.$Shape; contentRefusal?: null; ping?: null; pong?: null; refusal?: null }|{ body?: "contentRefusal"; proof?: null; enrol?: null; status?: null; output?: null; report?: null; facts?: null; contentRequest?: null; ready?: null; enrolled?: null; deliver?: null; cancel?: null; outputAck?: null; receipt?: null; trust?: null; contentChunk?: null; contentRefusal: muster.ContentRefusal.$Shape; ping?: null; pong?: null; refusal?: null }|{ body?: "ping"; proof?: null; enrol?: null; status?: null; output?: null; report?: null; facts?: null; contentRequest?: null; ready?: null; enrolled?: null; deliver?: null; cancel?: null; outputAck?: null; receipt?: null; trust?: null; contentChunk?: null; contentRefusal?: null; ping: muster.Ping.$Shape; pong?: null; refusal?: null }|{ body?: "pong"; proof?: null; enrol?: null; status?: null; output?: null; report?: null; facts?: null; contentRequest?: null; ready?: null; enrolled?: null; deliver?: null; cancel?: null; outputAck?: null; receipt?: null; trust?: null; contentChunk?: null; contentRefusal?: null; ping?: null; pong: muster.Pong.$Shape; refusal?: null }|{ body?: "refusal"; proof?: null; enrol?: null; status?: null; output?: null; report?: null; facts?: null; contentRequest?: null; ready?: null; enrolled?: null; deliver?: null; cancel?: null; outputAck?: null; receipt?: null; trust?: null; contentChunk?: null; contentRefusal?: null; ping?: null; pong?: null; refusal: muster.Refusal.$Shape })
        );
    }

    interface IReady extends muster.Ready.$Properties {
    }

    class Ready {

        constructor(properties?: muster.Ready.$Properties);

        $unknowns?: Uint8Array[];

        factsDigest: Uint8Array;

        receipt?: (muster.Receipt.$Properties|null);

        runs: muster.RunCursor.$Properties[];

        static encode(message: muster.Ready.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.Ready & muster.Ready.$Shape;
    }

    namespace Ready {

        interface $Properties {

            factsDigest?: (Uint8Array|null);

            receipt?: (muster.Receipt.$Properties|null);

            runs?: (muster.RunCursor.$Properties[]|null);

            $unknowns?: Uint8Array[];
        }

        type $Shape = muster.Ready.$Properties;
    }

    interface IRunCursor extends muster.RunCursor.$Properties {
    }

    class RunCursor {

        constructor(properties?: muster.RunCursor.$Properties);

        $unknowns?: Uint8Array[];

        jobId: Uint8Array;

        attempt: number;

        position: number;

        static encode(message: muster.RunCursor.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.RunCursor & muster.RunCursor.$Shape;
    }

    namespace RunCursor {

        interface $Properties {

            jobId?: (Uint8Array|null);

            attempt?: (number|null);

            position?: (number|null);

            $unknowns?: Uint8Array[];
        }

        type $Shape = muster.RunCursor.$Properties;
    }

    interface IPing extends muster.Ping.$Properties {
    }

    class Ping {

        constructor(properties?: muster.Ping.$Properties);

        $unknowns?: Uint8Array[];

        id: number;

        timeMs: number;

        static encode(message: muster.Ping.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.Ping & muster.Ping.$Shape;
    }

    namespace Ping {

        interface $Properties {

            id?: (number|null);

            timeMs?: (number|null);

            $unknowns?: Uint8Array[];
        }

        type $Shape = muster.Ping.$Properties;
    }

    interface IPong extends muster.Pong.$Properties {
    }

    class Pong {

        constructor(properties?: muster.Pong.$Properties);

        $unknowns?: Uint8Array[];

        id: number;

        timeMs: number;

        static encode(message: muster.Pong.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.Pong & muster.Pong.$Shape;
    }

    namespace Pong {

        interface $Properties {

            id?: (number|null);

            timeMs?: (number|null);

            $unknowns?: Uint8Array[];
        }

        type $Shape = muster.Pong.$Properties;
    }

    interface IStatus extends muster.Status.$Properties {
    }

    class Status {

        constructor(properties?: muster.Status.$Properties);

        $unknowns?: Uint8Array[];

        jobId: Uint8Array;

        orderHash: Uint8Array;

        attempt: number;

        state: string;

        code: string;

        detail: string;

        atMs: number;

        task: number;

        static encode(message: muster.Status.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.Status & muster.Status.$Shape;
    }

    namespace Status {

        interface $Properties {

            jobId?: (Uint8Array|null);

            orderHash?: (Uint8Array|null);

            attempt?: (number|null);

            state?: (string|null);

            code?: (string|null);

            detail?: (string|null);

            atMs?: (number|null);

            task?: (number|null);

            $unknowns?: Uint8Array[];
        }

        type $Shape = muster.Status.$Properties;
    }

    interface IContentRequest extends muster.ContentRequest.$Properties {
    }

    class ContentRequest {

        constructor(properties?: muster.ContentRequest.$Properties);

        $unknowns?: Uint8Array[];

        jobId: Uint8Array;

        sha512: Uint8Array;

        from: number;

        count: number;

        static encode(message: muster.ContentRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.ContentRequest & muster.ContentRequest.$Shape;
    }

    namespace ContentRequest {

        interface $Properties {

            jobId?: (Uint8Array|null);

            sha512?: (Uint8Array|null);

            from?: (number|null);

            count?: (number|null);

            $unknowns?: Uint8Array[];
        }

        type $Shape = muster.ContentRequest.$Properties;
    }

    interface IContentChunk extends muster.ContentChunk.$Properties {
    }

    class ContentChunk {

        constructor(properties?: muster.ContentChunk.$Properties);

        $unknowns?: Uint8Array[];

        sha512: Uint8Array;

        index: number;

        data: Uint8Array;

        static encode(message: muster.ContentChunk.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.ContentChunk & muster.ContentChunk.$Shape;
    }

    namespace ContentChunk {

        interface $Properties {

            sha512?: (Uint8Array|null);

            index?: (number|null);

            data?: (Uint8Array|null);

            $unknowns?: Uint8Array[];
        }

        type $Shape = muster.ContentChunk.$Properties;
    }

    interface IContentRefusal extends muster.ContentRefusal.$Properties {
    }

    class ContentRefusal {

        constructor(properties?: muster.ContentRefusal.$Properties);

        $unknowns?: Uint8Array[];

        sha512: Uint8Array;

        code: string;

        detail: string;

        static encode(message: muster.ContentRefusal.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.ContentRefusal & muster.ContentRefusal.$Shape;
    }

    namespace ContentRefusal {

        interface $Properties {

            sha512?: (Uint8Array|null);

            code?: (string|null);

            detail?: (string|null);

            $unknowns?: Uint8Array[];
        }

        type $Shape = muster.ContentRefusal.$Properties;
    }

    interface IOutput extends muster.Output.$Properties {
    }

    class Output {

        constructor(properties?: muster.Output.$Properties);

        $unknowns?: Uint8Array[];

        jobId: Uint8Array;

        attempt: number;

        stream: string;

        offset: number;

        position: number;

        data: Uint8Array;

        static encode(message: muster.Output.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.Output & muster.Output.$Shape;
    }

    namespace Output {

        interface $Properties {

            jobId?: (Uint8Array|null);

            attempt?: (number|null);

            stream?: (string|null);

            offset?: (number|null);

            position?: (number|null);

            data?: (Uint8Array|null);

            $unknowns?: Uint8Array[];
        }

        type $Shape = muster.Output.$Properties;
    }

    interface IOutputAck extends muster.OutputAck.$Properties {
    }

    class OutputAck {

        constructor(properties?: muster.OutputAck.$Properties);

        $unknowns?: Uint8Array[];

        jobId: Uint8Array;

        attempt: number;

        position: number;

        static encode(message: muster.OutputAck.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.OutputAck & muster.OutputAck.$Shape;
    }

    namespace OutputAck {

        interface $Properties {

            jobId?: (Uint8Array|null);

            attempt?: (number|null);

            position?: (number|null);

            $unknowns?: Uint8Array[];
        }

        type $Shape = muster.OutputAck.$Properties;
    }

    interface IFacts extends muster.Facts.$Properties {
    }

    class Facts {

        constructor(properties?: muster.Facts.$Properties);

        $unknowns?: Uint8Array[];

        digest: Uint8Array;

        json: Uint8Array;

        static encode(message: muster.Facts.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.Facts & muster.Facts.$Shape;
    }

    namespace Facts {

        interface $Properties {

            digest?: (Uint8Array|null);

            json?: (Uint8Array|null);

            $unknowns?: Uint8Array[];
        }

        type $Shape = muster.Facts.$Properties;
    }

    interface IReport extends muster.Report.$Properties {
    }

    class Report {

        constructor(properties?: muster.Report.$Properties);

        $unknowns?: Uint8Array[];

        version: number;

        fleetId: Uint8Array;

        agentId: Uint8Array;

        epoch: Uint8Array;

        reportSeq: number;

        previous: Uint8Array;

        jobId: Uint8Array;

        orderHash: Uint8Array;

        attempt: number;

        state: string;

        reason: string;

        tasks: muster.TaskResult.$Properties[];

        output?: (muster.OutputSummary.$Properties|null);

        startedAtMs: number;

        endedAtMs: number;

        durationUs: number;

        agentVersion: string;

        code: string;

        static encode(message: muster.Report.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.Report & muster.Report.$Shape;
    }

    namespace Report {

        interface $Properties {

            version?: (number|null);

            fleetId?: (Uint8Array|null);

            agentId?: (Uint8Array|null);

            epoch?: (Uint8Array|null);

            reportSeq?: (number|null);

            previous?: (Uint8Array|null);

            jobId?: (Uint8Array|null);

            orderHash?: (Uint8Array|null);

            attempt?: (number|null);

            state?: (string|null);

            reason?: (string|null);

            tasks?: (muster.TaskResult.$Properties[]|null);

            output?: (muster.OutputSummary.$Properties|null);

            startedAtMs?: (number|null);

            endedAtMs?: (number|null);

            durationUs?: (number|null);

            agentVersion?: (string|null);

            code?: (string|null);

            $unknowns?: Uint8Array[];
        }

        type $Shape = muster.Report.$Properties;
    }

    interface ITaskResult extends muster.TaskResult.$Properties {
    }

    class TaskResult {

        constructor(properties?: muster.TaskResult.$Properties);

        $unknowns?: Uint8Array[];

        index: number;

        state: string;

        exited: boolean;

        exitCode: number;

        signal: string;

        durationUs: number;

        outputFrom: number;

        outputTo: number;

        reason: string;

        change: string;

        code: string;

        static encode(message: muster.TaskResult.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.TaskResult & muster.TaskResult.$Shape;
    }

    namespace TaskResult {

        interface $Properties {

            index?: (number|null);

            state?: (string|null);

            exited?: (boolean|null);

            exitCode?: (number|null);

            signal?: (string|null);

            durationUs?: (number|null);

            outputFrom?: (number|null);

            outputTo?: (number|null);

            reason?: (string|null);

            change?: (string|null);

            code?: (string|null);

            $unknowns?: Uint8Array[];
        }

        type $Shape = muster.TaskResult.$Properties;
    }

    interface IOutputSummary extends muster.OutputSummary.$Properties {
    }

    class OutputSummary {

        constructor(properties?: muster.OutputSummary.$Properties);

        $unknowns?: Uint8Array[];

        length: number;

        stored: number;

        sha512: Uint8Array;

        truncated: boolean;

        gaps: muster.Gap.$Properties[];

        stdoutLength: number;

        stderrLength: number;

        static encode(message: muster.OutputSummary.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.OutputSummary & muster.OutputSummary.$Shape;
    }

    namespace OutputSummary {

        interface $Properties {

            length?: (number|null);

            stored?: (number|null);

            sha512?: (Uint8Array|null);

            truncated?: (boolean|null);

            gaps?: (muster.Gap.$Properties[]|null);

            stdoutLength?: (number|null);

            stderrLength?: (number|null);

            $unknowns?: Uint8Array[];
        }

        type $Shape = muster.OutputSummary.$Properties;
    }

    interface IGap extends muster.Gap.$Properties {
    }

    class Gap {

        constructor(properties?: muster.Gap.$Properties);

        $unknowns?: Uint8Array[];

        stream: string;

        offset: number;

        static encode(message: muster.Gap.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.Gap & muster.Gap.$Shape;
    }

    namespace Gap {

        interface $Properties {

            stream?: (string|null);

            offset?: (number|null);

            $unknowns?: Uint8Array[];
        }

        type $Shape = muster.Gap.$Properties;
    }

    interface ISignedReport extends muster.SignedReport.$Properties {
    }

    class SignedReport {

        constructor(properties?: muster.SignedReport.$Properties);

        $unknowns?: Uint8Array[];

        report: Uint8Array;

        signature: Uint8Array;

        static encode(message: muster.SignedReport.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.SignedReport & muster.SignedReport.$Shape;
    }

    namespace SignedReport {

        interface $Properties {

            report?: (Uint8Array|null);

            signature?: (Uint8Array|null);

            $unknowns?: Uint8Array[];
        }

        type $Shape = muster.SignedReport.$Properties;
    }

    interface IReceipt extends muster.Receipt.$Properties {
    }

    class Receipt {

        constructor(properties?: muster.Receipt.$Properties);

        $unknowns?: Uint8Array[];

        epoch: Uint8Array;

        reportSeq: number;

        chain: Uint8Array;

        static encode(message: muster.Receipt.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.Receipt & muster.Receipt.$Shape;
    }

    namespace Receipt {

        interface $Properties {

            epoch?: (Uint8Array|null);

            reportSeq?: (number|null);

            chain?: (Uint8Array|null);

            $unknowns?: Uint8Array[];
        }

        type $Shape = muster.Receipt.$Properties;
    }

    interface IJoinToken extends muster.JoinToken.$Properties {
    }

    class JoinToken {

        constructor(properties?: muster.JoinToken.$Properties);

        $unknowns?: Uint8Array[];

        version: number;

        secret: Uint8Array;

        fleetId: Uint8Array;

        rootKeyId: Uint8Array;

        urls: string[];

        static encode(message: muster.JoinToken.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.JoinToken & muster.JoinToken.$Shape;
    }

    namespace JoinToken {

        interface $Properties {

            version?: (number|null);

            secret?: (Uint8Array|null);

            fleetId?: (Uint8Array|null);

            rootKeyId?: (Uint8Array|null);

            urls?: (string[]|null);

            $unknowns?: Uint8Array[];
        }

        type $Shape = muster.JoinToken.$Properties;
    }
}
