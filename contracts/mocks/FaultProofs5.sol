// SPDX-License-Identifier: AGPL-3.0-only
pragma solidity 0.8.37;

// The L1 side of an OP Stack chain of 2025 and 2026, for tests of a bridge's client: no package
// has the contracts compiled. They answer and refuse as OptimismPortal2 5.x, AnchorStateRegistry
// 3.x and their games do; what the guardian or a prover may do there, anyone may do here.

struct WithdrawalTransaction {
    uint256 nonce;
    address sender;
    address target;
    uint256 value;
    uint256 gasLimit;
    bytes data;
}

struct OutputRootProof {
    bytes32 version;
    bytes32 stateRoot;
    bytes32 messagePasserStorageRoot;
    bytes32 latestBlockhash;
}

enum GameStatus {
    IN_PROGRESS,
    CHALLENGER_WINS,
    DEFENDER_WINS
}

/// @title Game5
/// @notice What all games answer.
abstract contract Game5 {
    error AlreadyInitialized();
    error BadExtraData();
    error ClaimAlreadyResolved();
    error GameNotInProgress();

    uint32 public immutable gameType;
    bytes32 public immutable rootClaim;
    Registry3 public immutable anchorStateRegistry;
    uint64 public immutable createdAt;
    bool public immutable wasRespectedGameTypeWhenCreated;

    GameStatus public status;
    uint64 public resolvedAt;
    bytes public extraData;

    constructor(Registry3 registry, uint32 gameType_, bytes32 rootClaim_, bytes memory extraData_) {
        anchorStateRegistry = registry;
        gameType = gameType_;
        rootClaim = rootClaim_;
        extraData = extraData_;
        createdAt = uint64(block.timestamp);
        wasRespectedGameTypeWhenCreated = registry.respectedGameType() == gameType_;
    }

    function gameData() external view returns (uint32, bytes32, bytes memory) {
        return (gameType, rootClaim, extraData);
    }

    function l2SequenceNumber() public view virtual returns (uint256);

    function _end(bool isTrue) internal returns (GameStatus) {
        status = isTrue ? GameStatus.DEFENDER_WINS : GameStatus.CHALLENGER_WINS;
        resolvedAt = uint64(block.timestamp);
        return status;
    }
}

/// @title FaultGame5
/// @notice FaultDisputeGame with its root claim alone, which a countering move decides.
contract FaultGame5 is Game5 {
    error ClockNotExpired();
    error OutOfOrderResolution();

    uint64 public constant maxClockDuration = 302_400;
    uint256 public constant claimDataLen = 1;

    mapping(uint256 => bool) public resolvedSubgames;
    bool public isCountered;

    constructor(Registry3 registry, uint32 gameType_, bytes32 rootClaim_, bytes memory extraData_)
        Game5(registry, gameType_, rootClaim_, extraData_)
    {}

    function l2SequenceNumber() public view virtual override returns (uint256) {
        return abi.decode(extraData, (uint256));
    }

    /// @notice Move so that the root claim loses.
    function counter() external {
        isCountered = true;
    }

    function resolveClaim(uint256 claim, uint256) external {
        if (status != GameStatus.IN_PROGRESS) revert GameNotInProgress();
        if (block.timestamp - createdAt < maxClockDuration) revert ClockNotExpired();
        if (resolvedSubgames[claim]) revert ClaimAlreadyResolved();
        resolvedSubgames[claim] = true;
    }

    function resolve() external returns (GameStatus) {
        if (status != GameStatus.IN_PROGRESS) revert GameNotInProgress();
        if (!resolvedSubgames[0]) revert OutOfOrderResolution();
        return _end(!isCountered);
    }
}

/// @title SuperGame5
/// @notice SuperFaultDisputeGame: claims the outputs of several L2s at one timestamp.
/// @dev Its extra data is the encoded super root: 0x01, the timestamp in 8 bytes, then the id and
///      the output root of each chain. Its root claim is the hash of that.
contract SuperGame5 is FaultGame5 {
    error UnknownChainId();

    uint256 private constant OUTPUTS = 9;
    uint256 private constant OUTPUT_SIZE = 64;

    constructor(Registry3 registry, uint32 gameType_, bytes32 rootClaim_, bytes memory extraData_)
        FaultGame5(registry, gameType_, rootClaim_, extraData_)
    {
        if (extraData_[0] != 0x01 || keccak256(extraData_) != rootClaim_) revert BadExtraData();
    }

    function l2SequenceNumber() public view override returns (uint256) {
        return uint256(_word(1)) >> 192;
    }

    function rootClaimByChainId(uint256 chainId) external view returns (bytes32) {
        for (uint256 place = OUTPUTS; place < extraData.length; place += OUTPUT_SIZE) {
            if (uint256(_word(place)) == chainId) return _word(place + 32);
        }
        revert UnknownChainId();
    }

    function _word(uint256 start) private view returns (bytes32 word) {
        bytes memory data = extraData;
        assembly ("memory-safe") {
            word := mload(add(add(data, 0x20), start))
        }
    }
}

/// @title AggregateGame5
/// @notice Base's AggregateVerifier, with proofs that are taken on trust.
/// @dev Its extra data is the L2 block in 32 bytes and its parent's address in 20; the registry as
///      parent means none.
contract AggregateGame5 is Game5 {
    error GameNotOver();
    error NotEnoughProofs();
    error ParentGameNotResolved();

    uint64 public constant SLOW_FINALIZATION_DELAY = 5 days;
    uint64 public constant FAST_FINALIZATION_DELAY = 1 days;

    uint64 public expectedResolution;
    uint8 public proofCount;

    constructor(Registry3 registry, uint32 gameType_, bytes32 rootClaim_, bytes memory extraData_)
        Game5(registry, gameType_, rootClaim_, extraData_)
    {
        if (extraData_.length != 52) revert BadExtraData();
        proofCount = 1;
        expectedResolution = createdAt + SLOW_FINALIZATION_DELAY;
    }

    function l2SequenceNumber() public view override returns (uint256) {
        return uint256(bytes32(extraData));
    }

    function parentAddress() public view returns (address) {
        bytes memory data = extraData;
        uint256 word;
        assembly ("memory-safe") {
            word := mload(add(data, 52))
        }
        return address(uint160(word));
    }

    function gameOver() public view returns (bool) {
        return expectedResolution <= block.timestamp;
    }

    /// @notice Prove it by the other kind of proof as well, which hastens its end.
    function verifyProposalProof() external {
        proofCount = 2;
        uint64 fast = uint64(block.timestamp) + FAST_FINALIZATION_DELAY;
        if (fast < expectedResolution) expectedResolution = fast;
    }

    /// @notice Take all its proofs away, as if they were found unsound.
    function nullify() external {
        proofCount = 0;
        expectedResolution = type(uint64).max;
    }

    function resolve() external returns (GameStatus) {
        if (status != GameStatus.IN_PROGRESS) revert ClaimAlreadyResolved();
        GameStatus parent = _parentStatus();
        if (parent == GameStatus.IN_PROGRESS) revert ParentGameNotResolved();
        if (parent == GameStatus.CHALLENGER_WINS) return _end(false);
        if (!gameOver()) revert GameNotOver();
        if (proofCount == 0) revert NotEnoughProofs();
        return _end(true);
    }

    function _parentStatus() private view returns (GameStatus) {
        if (parentAddress() == address(anchorStateRegistry)) return GameStatus.DEFENDER_WINS;
        Game5 parent = Game5(parentAddress());
        bool isFallen =
            anchorStateRegistry.isGameBlacklisted(parent) || anchorStateRegistry.isGameRetired(parent);
        return isFallen ? GameStatus.CHALLENGER_WINS : parent.status();
    }
}

/// @title Factory5
/// @notice DisputeGameFactory, without bonds.
contract Factory5 {
    struct GameSearchResult {
        uint256 index;
        bytes32 metadata; // type, creation and address, packed
        uint64 timestamp;
        bytes32 rootClaim;
        bytes extraData;
    }

    event DisputeGameCreated(
        address indexed disputeProxy, uint32 indexed gameType, bytes32 indexed rootClaim
    );

    error GameAlreadyExists(bytes32 uuid);

    Registry3 public immutable registry;

    Game5[] private _games;
    mapping(bytes32 => Game5) private _byUuid;

    constructor(Registry3 registry_) {
        registry = registry_;
    }

    function create(uint32 gameType, bytes32 rootClaim, bytes calldata extraData)
        external
        payable
        returns (Game5 game)
    {
        bytes32 uuid = keccak256(abi.encode(gameType, rootClaim, extraData));
        if (address(_byUuid[uuid]) != address(0)) revert GameAlreadyExists(uuid);
        if (gameType == 621) {
            game = new AggregateGame5(registry, gameType, rootClaim, extraData);
        } else if (GameTypes.isSuper(gameType)) {
            game = new SuperGame5(registry, gameType, rootClaim, extraData);
        } else {
            game = new FaultGame5(registry, gameType, rootClaim, extraData);
        }
        _byUuid[uuid] = game;
        _games.push(game);
        emit DisputeGameCreated(address(game), gameType, rootClaim);
    }

    function games(uint32 gameType, bytes32 rootClaim, bytes calldata extraData)
        external
        view
        returns (Game5 game, uint64 timestamp)
    {
        game = _byUuid[keccak256(abi.encode(gameType, rootClaim, extraData))];
        timestamp = address(game) == address(0) ? 0 : game.createdAt();
    }

    function gameCount() external view returns (uint256) {
        return _games.length;
    }

    function gameAtIndex(uint256 index) external view returns (uint32, uint64, Game5) {
        Game5 game = _games[index];
        return (game.gameType(), game.createdAt(), game);
    }

    function findLatestGames(uint32 gameType, uint256 start, uint256 count)
        external
        view
        returns (GameSearchResult[] memory found)
    {
        if (start >= _games.length || count == 0) return found;
        found = new GameSearchResult[](count);
        uint256 size;
        for (uint256 left = start + 1; left > 0 && size < count; left--) {
            Game5 game = _games[left - 1];
            if (game.gameType() != gameType) continue;
            found[size++] = GameSearchResult({
                index: left - 1,
                metadata: bytes32(
                    uint256(gameType) << 224 | uint256(game.createdAt()) << 160
                        | uint160(address(game))
                ),
                timestamp: game.createdAt(),
                rootClaim: game.rootClaim(),
                extraData: game.extraData()
            });
        }
        assembly ("memory-safe") {
            mstore(found, size)
        }
    }
}

library GameTypes {
    function isSuper(uint32 gameType) internal pure returns (bool) {
        return gameType == 4 || gameType == 5 || gameType == 7 || gameType == 9;
    }
}

/// @title Registry3
/// @notice AnchorStateRegistry: judges games.
contract Registry3 {
    Factory5 public immutable disputeGameFactory;
    uint256 public immutable disputeGameFinalityDelaySeconds;

    uint32 public respectedGameType;
    uint64 public retirementTimestamp;
    bool public paused; // with the real ones, in SystemConfig
    mapping(Game5 => bool) public disputeGameBlacklist;

    constructor(uint256 finalityDelay, uint32 respectedGameType_) {
        disputeGameFactory = new Factory5(this);
        disputeGameFinalityDelaySeconds = finalityDelay;
        respectedGameType = respectedGameType_;
        retirementTimestamp = uint64(block.timestamp);
    }

    function setRespectedGameType(uint32 gameType) external {
        respectedGameType = gameType;
    }

    function updateRetirementTimestamp() external {
        retirementTimestamp = uint64(block.timestamp);
    }

    function blacklistDisputeGame(Game5 game) external {
        disputeGameBlacklist[game] = true;
    }

    function setPaused(bool paused_) external {
        paused = paused_;
    }

    function isGameRegistered(Game5 game) public view returns (bool) {
        (uint32 gameType, bytes32 rootClaim, bytes memory extraData) = game.gameData();
        (Game5 registered,) = disputeGameFactory.games(gameType, rootClaim, extraData);
        return address(registered) == address(game)
            && address(game.anchorStateRegistry()) == address(this);
    }

    function isGameRespected(Game5 game) public view returns (bool) {
        return game.wasRespectedGameTypeWhenCreated();
    }

    function isGameBlacklisted(Game5 game) public view returns (bool) {
        return disputeGameBlacklist[game];
    }

    function isGameRetired(Game5 game) public view returns (bool) {
        return game.createdAt() <= retirementTimestamp;
    }

    function isGameProper(Game5 game) public view returns (bool) {
        return isGameRegistered(game) && !isGameBlacklisted(game) && !isGameRetired(game) && !paused;
    }

    function isGameFinalized(Game5 game) public view returns (bool) {
        return game.status() != GameStatus.IN_PROGRESS
            && block.timestamp - game.resolvedAt() > disputeGameFinalityDelaySeconds;
    }

    function isGameClaimValid(Game5 game) external view returns (bool) {
        return isGameProper(game) && isGameRespected(game) && isGameFinalized(game)
            && game.status() == GameStatus.DEFENDER_WINS;
    }
}

/// @title Portal5
/// @notice OptimismPortal2 as far as withdrawals go.
/// @dev It stands in for one thing: of a storage proof it verifies the root node alone, and not the
///      way from there to the withdrawal.
contract Portal5 {
    struct ProvenWithdrawal {
        Game5 disputeGameProxy;
        uint64 timestamp;
    }

    event WithdrawalProven(
        bytes32 indexed withdrawalHash, address indexed from, address indexed to
    );
    event WithdrawalProvenExtension1(
        bytes32 indexed withdrawalHash, address indexed proofSubmitter
    );
    event WithdrawalFinalized(bytes32 indexed withdrawalHash, bool success);

    error OptimismPortal_AlreadyFinalized();
    error OptimismPortal_BadTarget();
    error OptimismPortal_CallPaused();
    error OptimismPortal_GasEstimation();
    error OptimismPortal_ImproperDisputeGame();
    error OptimismPortal_InvalidDisputeGame();
    error OptimismPortal_InvalidMerkleProof();
    error OptimismPortal_InvalidOutputRootProof();
    error OptimismPortal_InvalidProofTimestamp();
    error OptimismPortal_InvalidRootClaim();
    error OptimismPortal_NoReentrancy();
    error OptimismPortal_ProofNotOldEnough();
    error OptimismPortal_Unproven();

    address private constant NO_SENDER = address(0xdEaD);
    address private constant ESTIMATION_ADDRESS = address(1);
    uint256 private constant RELAY_OVERHEAD = 40_000; // gas

    string public version;
    address public immutable systemConfig;
    Registry3 public immutable anchorStateRegistry;
    uint256 public immutable proofMaturityDelaySeconds;
    uint256 private immutable L2_CHAIN_ID; // with the real one, in SystemConfig

    address public l2Sender = NO_SENDER;
    mapping(bytes32 => bool) public finalizedWithdrawals;
    mapping(bytes32 => mapping(address => ProvenWithdrawal)) public provenWithdrawals;
    mapping(bytes32 => address[]) public proofSubmitters;

    constructor(
        string memory version_,
        address systemConfig_,
        Registry3 registry,
        uint256 maturityDelay,
        uint256 l2ChainId
    ) {
        version = version_;
        systemConfig = systemConfig_;
        anchorStateRegistry = registry;
        proofMaturityDelaySeconds = maturityDelay;
        L2_CHAIN_ID = l2ChainId;
    }

    function donateETH() external payable {}

    function proveWithdrawalTransaction(
        WithdrawalTransaction calldata transaction,
        uint256 gameIndex,
        OutputRootProof calldata output,
        bytes[] calldata storageProof
    ) external {
        if (paused()) revert OptimismPortal_CallPaused();
        if (transaction.target == address(this)) revert OptimismPortal_BadTarget();
        (,, Game5 game) = disputeGameFactory().gameAtIndex(gameIndex);
        if (!anchorStateRegistry.isGameProper(game)) revert OptimismPortal_ImproperDisputeGame();
        if (!anchorStateRegistry.isGameRespected(game)) revert OptimismPortal_InvalidDisputeGame();
        if (game.status() == GameStatus.CHALLENGER_WINS) revert OptimismPortal_InvalidDisputeGame();
        if (block.timestamp <= game.createdAt()) revert OptimismPortal_InvalidProofTimestamp();
        if (_claimOf(game) != keccak256(abi.encode(output))) {
            revert OptimismPortal_InvalidOutputRootProof();
        }
        if (keccak256(storageProof[0]) != output.messagePasserStorageRoot) {
            revert OptimismPortal_InvalidMerkleProof();
        }
        bytes32 withdrawalHash = _hash(transaction);
        provenWithdrawals[withdrawalHash][msg.sender] =
            ProvenWithdrawal({ disputeGameProxy: game, timestamp: uint64(block.timestamp) });
        proofSubmitters[withdrawalHash].push(msg.sender);
        emit WithdrawalProven(withdrawalHash, transaction.sender, transaction.target);
        emit WithdrawalProvenExtension1(withdrawalHash, msg.sender);
    }

    function finalizeWithdrawalTransaction(WithdrawalTransaction calldata transaction) external {
        finalizeWithdrawalTransactionExternalProof(transaction, msg.sender);
    }

    function finalizeWithdrawalTransactionExternalProof(
        WithdrawalTransaction calldata transaction,
        address proofSubmitter
    ) public {
        if (paused()) revert OptimismPortal_CallPaused();
        if (l2Sender != NO_SENDER) revert OptimismPortal_NoReentrancy();
        if (transaction.target == address(this)) revert OptimismPortal_BadTarget();
        bytes32 withdrawalHash = _hash(transaction);
        checkWithdrawal(withdrawalHash, proofSubmitter);
        finalizedWithdrawals[withdrawalHash] = true;
        l2Sender = transaction.sender;
        bool success = _callWithMinGas(transaction);
        l2Sender = NO_SENDER;
        emit WithdrawalFinalized(withdrawalHash, success);
        if (!success && tx.origin == ESTIMATION_ADDRESS) revert OptimismPortal_GasEstimation();
    }

    function checkWithdrawal(bytes32 withdrawalHash, address proofSubmitter) public view {
        ProvenWithdrawal memory proven = provenWithdrawals[withdrawalHash][proofSubmitter];
        if (finalizedWithdrawals[withdrawalHash]) revert OptimismPortal_AlreadyFinalized();
        if (proven.timestamp == 0) revert OptimismPortal_Unproven();
        if (proven.timestamp <= proven.disputeGameProxy.createdAt()) {
            revert OptimismPortal_InvalidProofTimestamp();
        }
        if (block.timestamp - proven.timestamp <= proofMaturityDelaySeconds) {
            revert OptimismPortal_ProofNotOldEnough();
        }
        if (!anchorStateRegistry.isGameClaimValid(proven.disputeGameProxy)) {
            revert OptimismPortal_InvalidRootClaim();
        }
    }

    function numProofSubmitters(bytes32 withdrawalHash) external view returns (uint256) {
        return proofSubmitters[withdrawalHash].length;
    }

    function minimumGasLimit(uint64 byteCount) external pure returns (uint64) {
        return byteCount * 40 + 21_000;
    }

    function paused() public view returns (bool) {
        return anchorStateRegistry.paused();
    }

    function disputeGameFactory() public view returns (Factory5) {
        return anchorStateRegistry.disputeGameFactory();
    }

    function ethLockbox() external pure returns (address) {
        return address(0); // a chain may do without
    }

    function respectedGameType() external view returns (uint32) {
        return anchorStateRegistry.respectedGameType();
    }

    /// @dev The name has outlived its meaning: nothing but the retirement is in it.
    function respectedGameTypeUpdatedAt() external view returns (uint64) {
        return anchorStateRegistry.retirementTimestamp();
    }

    function disputeGameBlacklist(Game5 game) external view returns (bool) {
        return anchorStateRegistry.disputeGameBlacklist(game);
    }

    function disputeGameFinalityDelaySeconds() external view returns (uint256) {
        return anchorStateRegistry.disputeGameFinalityDelaySeconds();
    }

    function _claimOf(Game5 game) private view returns (bytes32) {
        if (!GameTypes.isSuper(game.gameType())) return game.rootClaim();
        return SuperGame5(address(game)).rootClaimByChainId(L2_CHAIN_ID);
    }

    function _hash(WithdrawalTransaction calldata transaction) private pure returns (bytes32) {
        return keccak256(
            abi.encode(
                transaction.nonce,
                transaction.sender,
                transaction.target,
                transaction.value,
                transaction.gasLimit,
                transaction.data
            )
        );
    }

    /// @dev The target gets at least the gas that was promised on L2, or the whole call reverts.
    function _callWithMinGas(WithdrawalTransaction calldata transaction)
        private
        returns (bool success)
    {
        require(
            gasleft() * 63 / 64 >= transaction.gasLimit + RELAY_OVERHEAD, "SafeCall: Not enough gas"
        );
        (success,) = transaction.target.call{ value: transaction.value }(transaction.data);
    }
}

/// @title InteropPortal5
/// @notice The portal of a chain with interop: it wants proofs of another form.
contract InteropPortal5 is Portal5 {
    bool public constant superRootsActive = true;

    constructor(address systemConfig_, Registry3 registry)
        Portal5("5.8.0+interop", systemConfig_, registry, 0, 0)
    {}
}
